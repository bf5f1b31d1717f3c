"""Requests whose framing two parsers could read differently: refused, and the connection closed."""

import tracemalloc
from pathlib import Path

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll.http.serving.framing import FREE_CHUNKS, FramedConnection
from tests.http.serving import MODERN, post, raw, running, settings_of
from tests.http.test_refusing import exchanged

LIST = raw("tools/list", {}, MODERN)
HEAD, _, BODY = LIST.partition(b"\r\n\r\n")
WITHOUT_LENGTH = HEAD.replace(b"\r\ncontent-length: %d" % len(BODY), b"")
CHUNKED = WITHOUT_LENGTH + b"\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(BODY), BODY)

BESIDE = "Transfer-Encoding is used with Content-Length or HTTP/1.0."
BARE = "A header line does not end with CRLF."
FOLDED = "A header is folded over several lines."
BEHIND = "A line after the last chunk is folded or does not end with CRLF."
NO_HTTP = "Invalid HTTP request received."

DOUBTFUL: dict[str, tuple[bytes, str]] = {
    "both framings": (HEAD + b"\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", BESIDE),
    "both framings, the other way round": (
        WITHOUT_LENGTH + b"\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
        BESIDE,
    ),
    "chunks in HTTP/1.0": (CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n", BESIDE),
    "a fold": (LIST.replace(b"localhost\r\n", b"localhost\r\n more\r\n"), FOLDED),
    "a fold with a tab": (LIST.replace(b"localhost\r\n", b"localhost\r\n\tmore\r\n"), FOLDED),
    "a bare line end in the headers": (LIST.replace(b"localhost\r\n", b"localhost\n"), BARE),
    "a bare line end of the request line": (LIST.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\n"), BARE),
    "a bare end of the headers": (HEAD + b"\n\n" + BODY, BARE),
    "half a bare end of the headers": (HEAD + b"\r\n\n" + BODY, BARE),
    "nothing but bare line ends": (LIST.replace(b"\r\n", b"\n"), BARE),
    "a bare line end ahead": (b"\n" + LIST, BARE),
    "a bare CR": (LIST.replace(b"localhost\r\n", b"localhost\rx: y\r\n"), NO_HTTP),
    "a bare end behind the chunks": (CHUNKED + b"0\r\n\n", BEHIND),
    "a bare line end in a trailer": (CHUNKED + b"0\r\na: b\n\r\n", BEHIND),
    "bare line ends of a trailer": (CHUNKED + b"0\r\na: b\n\n", BEHIND),
    "a fold in a trailer": (CHUNKED + b"0\r\na: b\r\n c\r\n\r\n", BEHIND),
    "a bare line end of a chunk's size": (CHUNKED + b"0\n\r\n", NO_HTTP),
    "two lengths": (LIST.replace(b"host:", b"content-length: 5\r\nhost:"), NO_HTTP),
    "a space ahead of a colon": (LIST.replace(b"content-length:", b"content-length :"), NO_HTTP),
}


async def test_a_request_with_ambiguous_framing_is_refused_and_its_connection_closed(
    tmp_path: Path,
) -> None:
    async with running(settings_of(tmp_path)) as server:
        replies = {
            how: await exchanged(server.port, sent + LIST) for how, (sent, _) in DOUBTFUL.items()
        }
        alive = await post(server.url)

    for how, reply in replies.items():
        assert reply.startswith(b"HTTP/1.1 400 Bad Request\r\n"), how
        assert reply.lower().count(b"\r\nconnection: close") == 1, how
        assert DOUBTFUL[how][1].encode() in reply, how
        assert reply.count(b"HTTP/1.1 ") == 1, how
    assert alive.status_code == 200


async def test_valid_chunks_and_trailers_are_read(tmp_path: Path) -> None:
    closing = CHUNKED.replace(b"host:", b"connection: close\r\nhost:")
    async with running(settings_of(tmp_path)) as server:
        reply = await exchanged(
            server.port,
            CHUNKED
            + b"0\r\n\r\n"
            + CHUNKED
            + b"0;x=y\r\na: b\r\nc: d\r\n\r\n"
            # The real end follows text that looks like the end.
            + closing.replace(b"\r\n%x\r\n" % len(BODY), b"\r\n%x\r\n" % (len(BODY) + 4)).replace(
                BODY, BODY + b"\n\n\r\n"
            )
            + b"0\r\n\r\n",
        )

    assert reply.count(b"HTTP/1.1 200 ") == 3


@given(st.lists(st.integers(1, len(CHUNKED)), max_size=6), st.booleans())
def test_a_request_is_read_the_same_however_it_is_split(cuts: list[int], sound: bool) -> None:
    whole = CHUNKED + (b"0\r\na: b\r\n\r\n" if sound else b"0\r\na: b\n\r\n")
    connection = FramedConnection()
    body = b""
    edges = [0, *sorted(set(cuts)), *range(len(CHUNKED) + 1, len(whole) + 1)]
    refused = ended = False
    for start, end in zip(edges, [*edges[1:], len(whole)], strict=True):
        if start == end:
            continue
        connection.receive_data(whole[start:end])
        try:
            while not isinstance(event := connection.next_event(), type):
                if isinstance(event, h11.Request):
                    connection.want_body()
                if isinstance(event, h11.Data):
                    body += event.data
                ended |= isinstance(event, h11.EndOfMessage)
        except h11.RemoteProtocolError:
            refused = True

    assert body == BODY
    assert (ended, refused) == (sound, not sound)


def exchange(connection: FramedConnection, rest: bytes = b"") -> None:
    """Read one request, whose body is wanted and of which the rest arrives late, and answer it."""
    assert isinstance(connection.next_event(), h11.Request)
    connection.want_body()
    if rest:
        connection.receive_data(rest)
    while isinstance(event := connection.next_event(), h11.Data):
        pass
    assert isinstance(event, h11.EndOfMessage)
    connection.send(h11.Response(status_code=200, headers=[(b"content-length", b"0")]))
    connection.send(h11.EndOfMessage())
    connection.start_next_cycle()


def test_each_request_on_a_connection_may_have_small_chunks_which_wait_until_wanted() -> None:
    head = WITHOUT_LENGTH + b"\r\ntransfer-encoding: chunked\r\n\r\n"
    connection = FramedConnection()
    connection.receive_data((head + b"1\r\nx\r\n" * FREE_CHUNKS + b"0\r\n\r\n") * 2 + head)
    exchange(connection)
    exchange(connection)

    assert isinstance(connection.next_event(), h11.Request)
    assert connection.next_event() is h11.PAUSED


@pytest.mark.parametrize("early", [1, 200_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_an_idle_connection_keeps_nothing_of_its_last_request(chunked: bool, early: int) -> None:
    size = 200_000
    length = b"transfer-encoding: chunked" if chunked else b"content-length: %d" % size
    chunk = (b"%x\r\n" % size, b"\r\n0\r\n\r\n") if chunked else (b"", b"")
    connection = FramedConnection()
    tracemalloc.start()
    try:
        head = WITHOUT_LENGTH + b"\r\n" + length + b"\r\n\r\n"
        connection.receive_data(head + chunk[0] + b"x" * early)
        exchange(connection, b"x" * (size - early) + chunk[1])
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < size // 2
