"""Floods of refused requests: the log has a bounded number of lines, and counts the rest."""

import asyncio
import io
import json
import logging
import re
import signal
from collections import Counter
from pathlib import Path

import pytest

from backscroll.process.logs import FIELDS, LINES, BoundedHandler, JsonLines, NoValuesFormatter
from tests.http.serving import MODERN, WAIT_S, post, raw, started

COUNT = 100
LIST = raw("tools/list", {}, MODERN)
FLOODS = {
    "no HTTP": b"nonsense\r\n\r\n",
    "doubtful framing": LIST.replace(b"\r\n", b"\n"),
    "a header with controls": b"GET /\x1b[2J HTTP/1.1\r\nhost: a\r\n\r\n",
    "an upgrade": LIST.replace(b"host:", b"connection: upgrade\r\nupgrade: websocket\r\nhost:"),
    "no token": LIST,
    "a token that is none": raw("tools/list", {}, MODERN, "bks_none"),
    "another host": LIST.replace(b"host: localhost", b"host: evil.example"),
    "an unknown path": LIST.replace(b"/mcp", b"/\xc3\x28"),
    "a cut body": LIST[:-10],
}


async def send(port: int, request: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    writer.write_eof()
    await reader.read(1 << 16)
    writer.close()


async def test_a_flood_of_refused_requests_writes_few_lines(tmp_path: Path) -> None:
    async with started(tmp_path / "store.db", "--http-auth", "token") as server:
        async with asyncio.timeout(WAIT_S * 2):
            for flood in FLOODS.values():
                for _ in range(COUNT // 20):
                    await asyncio.gather(*(send(server.port, flood) for _ in range(20)))
        assert (await post(server.url)).status_code == 401
        server.tell(signal.SIGTERM)
        assert await server.ended() == 0
        assert server.process.stderr is not None
        said = (await server.process.stderr.read()).decode()

    lines = Counter(re.sub(r"^\S+ \S+ ", "", line) for line in said.splitlines())
    omitted = [int(found) for found in re.findall(r"(\d+) more lines like this one", said)]
    assert all(count <= LINES for count in lines.values())
    assert len(lines) == 2 * len(omitted)
    # Kinds that are refused at the same place count together.
    assert [number for number in omitted if (number + LINES) % COUNT] == []
    assert "\x1b" not in said


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_call_site_may_write_again_each_minute_and_every_tool_call_is_logged() -> None:
    stream, clock = io.StringIO(), Clock()
    log = logging.getLogger("tests.flood")
    log.setLevel("INFO")
    log.propagate = False
    handler = BoundedHandler(stream, lines=2, window_s=60.0, clock=clock)
    log.addHandler(handler)

    for number in range(5):
        log.warning("one %d", number)
    for number in range(4):
        log.info("call %d", number, extra={FIELDS: {}})
    clock.now = 60.0
    log.warning("another")
    for number in range(3):
        log.warning("two %d", number)
    log.removeHandler(handler)
    handler.close()

    assert stream.getvalue().splitlines() == [
        *("one 0", "one 1", "call 0", "call 1", "call 2", "call 3"),
        "3 more lines like this one were omitted: one 4",
        *("another", "two 0", "two 1"),
        "1 more lines like this one were omitted: two 2",
    ]


@pytest.mark.parametrize("formatter", [NoValuesFormatter("%(message)s"), JsonLines()])
def test_input_is_logged_on_one_line_without_control_characters(
    formatter: logging.Formatter,
) -> None:
    record = logging.LogRecord(
        "x", 30, "", 1, "a\x1b[2J\r\nfake \u202e%s", ("\u2028\ud800\x9b",), None
    )
    line = formatter.format(record)
    said = json.loads(line)["message"] if line.startswith("{") else line

    assert line.isprintable()
    assert "fake" in said
