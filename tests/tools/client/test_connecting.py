"""A new connection goes to the first address that answers, and none is left open."""

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import httpcore2
import pytest

from backscroll_tools.client.connecting import alternating, connect
from backscroll_tools.client.network import Network
from tests.pace import limit_s


class Upstream:
    """A server that accepts connections on one or two addresses, and counts them."""

    def __init__(self) -> None:
        self.accepted = asyncio.Event()
        self.port = 0

    async def accept(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted.set()
        writer.close()


@asynccontextmanager
async def listening(host: str) -> AsyncIterator[Upstream]:
    upstream = Upstream()
    async with await asyncio.start_server(upstream.accept, host, 0) as server:
        upstream.port = server.sockets[0].getsockname()[1]
        yield upstream


@contextmanager
def resolving(*addresses: str) -> Iterator[None]:
    """Let the running event loop find these addresses for any host name."""
    loop = asyncio.get_running_loop()
    resolve = loop.getaddrinfo

    async def found(_: str, port: int, **options: int) -> list[object]:
        return [each for address in addresses for each in await resolve(address, port, **options)]

    loop.getaddrinfo = found  # type: ignore[method-assign,assignment]  # the system's resolver
    try:
        yield
    finally:
        loop.getaddrinfo = resolve  # type: ignore[method-assign]  # as it was


@contextmanager
def silent(host: str, port: int) -> Iterator[None]:
    """Listen without ever accepting, so that further connections wait for an answer."""
    with socket.socket() as listener, ExitStack() as waiting:
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(2):  # Linux completes one connection more than the length of the queue
            client = waiting.enter_context(socket.socket())
            client.settimeout(0)
            client.connect_ex((host, port))
        yield


def open_sockets() -> set[int]:
    found = set[int]()
    for each in Path("/dev/fd").iterdir():
        with suppress(OSError):  # the folder itself is closed by now
            if stat.S_ISSOCK(os.fstat(int(each.name)).st_mode):
                found.add(int(each.name))
    return found


@pytest.mark.parametrize("steps", range(8))
async def test_a_call_that_is_cancelled_while_it_connects_leaves_no_socket_open(steps: int) -> None:
    async with listening("127.0.0.1") as upstream:
        before = open_sockets()
        connecting = asyncio.create_task(Network().connect_tcp("127.0.0.1", upstream.port))
        await upstream.accepted.wait()
        for _ in range(steps):
            await asyncio.sleep(0)
        connecting.cancel()
        (result,) = await asyncio.gather(connecting, return_exceptions=True)
        if isinstance(result, httpcore2.AsyncNetworkStream):
            await result.aclose()
        del result, connecting
        await asyncio.sleep(0)

        assert open_sockets() <= before


async def test_a_connection_is_one_to_the_first_address_that_accepts_it() -> None:
    async with listening("127.0.0.1") as upstream:
        with resolving("127.0.0.3", "127.0.0.2", "127.0.0.1"):
            connection = await connect("a.host", upstream.port, next_attempt_s=limit_s(60))
        peer = connection.transport.get_extra_info("peername")
        connection.transport.abort()

    assert peer == ("127.0.0.1", upstream.port)


async def test_an_address_that_does_not_answer_delays_the_next_one_only_for_a_moment() -> None:
    async with listening("127.0.0.1") as upstream:
        with silent("127.0.0.2", upstream.port), resolving("127.0.0.2", "127.0.0.1"):
            connection = await connect("a.host", upstream.port, next_attempt_s=0.01)
        peer = connection.transport.get_extra_info("peername")
        connection.transport.abort()

    assert peer == ("127.0.0.1", upstream.port)


async def test_if_no_address_accepts_a_connection_the_first_one_s_reason_is_given() -> None:
    async with listening("127.0.0.1") as upstream:
        port = upstream.port
    before = open_sockets()
    with resolving("127.0.0.1", "127.0.0.2"), pytest.raises(ConnectionRefusedError) as refused:
        await connect("a.host", port)

    assert "127.0.0.1" in str(refused.value)
    assert open_sockets() <= before


def test_addresses_are_tried_in_turn_of_their_ip_versions_and_in_their_order() -> None:
    found = [
        (family, 0, 0, "", name) for family, name in [(10, "a"), (10, "b"), (2, "c"), (10, "d")]
    ]

    assert [address[4] for address in alternating(found)] == ["a", "c", "b", "d"]
    assert len(alternating(found * 10)) == 16
