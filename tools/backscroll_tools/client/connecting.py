"""Opens TCP connections to hosts that have several IP addresses.

The addresses are tried in turn, IPv6 and IPv4 alternately, with a short delay between two attempts.
The first connection wins ("Happy Eyeballs", RFC 8305, section 5). `asyncio` can do this too, but on
Python 3.11 it leaves a socket open if it is cancelled just after the first connection was made.
"""

import asyncio
import socket
from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import Any, Final, TypeAlias

from anyio import create_task_group, move_on_after

from backscroll_tools.client.sockets import BufferedSocket

NEXT_ATTEMPT_S: Final = 0.25
"""The time after which the next address is also tried, in seconds (RFC 8305, section 5)."""

_MAX_ADDRESSES: Final = 16
"""The number of addresses of a host that are tried. The other addresses are ignored."""


Address: TypeAlias = tuple[int, int, int, str, Any]
"""An address, as `getaddrinfo` returns it."""


async def connect(
    host: str, port: int, local_address: str | None = None, next_attempt_s: float = NEXT_ATTEMPT_S
) -> BufferedSocket:
    """Return a new connection. The caller must close it.

    Args:
        host: a host name or an IP address.
        port: the port; 1 to 65535.
        local_address: the IP address to connect from; None for any.
        next_attempt_s: the time after which the next address is also tried, in seconds.

    Raises:
        OSError: no address of the host could be connected to.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    connected: list[BufferedSocket] = []
    failures: list[OSError] = []

    async def attempt(address: Address, failed: asyncio.Event) -> None:
        try:
            connected.append(await _connected(address, local_address))
        except OSError as error:
            failures.append(error)
            failed.set()
        else:
            attempts.cancel_scope.cancel()

    try:
        async with create_task_group() as attempts:
            for address in alternating(found):
                failed = asyncio.Event()
                attempts.start_soon(attempt, address, failed)
                with move_on_after(next_attempt_s):
                    await failed.wait()
    except BaseException:
        _close(connected)
        raise
    if not connected:
        raise failures[0]
    _close(connected[1:])
    return connected[0]


async def _connected(address: Address, local_address: str | None) -> BufferedSocket:
    loop = asyncio.get_running_loop()
    family, kind, protocol, _, target = address
    opened = socket.socket(family, kind, protocol)
    try:
        opened.settimeout(0)
        if local_address:
            opened.bind((local_address, 0))
        await loop.sock_connect(opened, target)
        _, buffered = await loop.create_connection(BufferedSocket, sock=opened)
    except BaseException:
        opened.close()
        raise
    return buffered


def alternating(found: Sequence[Address]) -> list[Address]:
    """Return a host's addresses in the order in which they are tried.

    Args:
        found: the addresses in the resolver's order of preference.
    """
    preferred = [address for address in found if address[0] == found[0][0]]
    others = [address for address in found if address[0] != found[0][0]]
    pairs = chain.from_iterable(zip_longest(preferred, others))
    return [address for address in pairs if address is not None][:_MAX_ADDRESSES]


def _close(connections: list[BufferedSocket]) -> None:
    for connection in connections:
        connection.transport.abort()
