"""Sends an answer as its script says: event by event, slowly, broken off or without an end."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterable
from typing import Final

from starlette.types import Receive, Scope, Send

from tests.models.script import JSON, Answer

PIECE: Final = 64 * 1024
MOST_EVENTS: Final = 1_000_000
"""How many events a stream without an end has at most."""


class Sent:
    """An answer that is sent in pieces, and may break off.

    Args:
        pieces: the pieces of the body.
        kind: its content type.
        headers: its other headers.
        breaks: whether the connection breaks after the last piece.
    """

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        kind: str,
        headers: dict[str, str],
        *,
        status: int = 200,
        breaks: bool = False,
    ) -> None:
        self._pieces = pieces
        self._status = status
        self._breaks = breaks
        named = {"content-type": kind, **headers}
        self._headers = [(name.encode(), value.encode()) for name, value in named.items()]

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self._status, "headers": self._headers}
        )
        gone = asyncio.create_task(_until_gone(receive))
        try:
            async for piece in self._pieces:
                if gone.done():
                    return
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                await asyncio.sleep(0)  # once the caller has left, sending waits for nothing
        finally:
            gone.cancel()
        if not self._breaks:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def in_pieces(events: Iterable[bytes], answer: Answer) -> AsyncIterator[bytes]:
    """Yield the events of a stream, as far and as fast as its script says."""
    pause_s = answer.number("pause")
    most = answer.number("cut")
    most = answer.number("stop") if most is None else most
    for number, event in enumerate(events):
        if most is not None and number >= most:
            return
        if number and pause_s:
            await asyncio.sleep(pause_s)
        if len(event) <= PIECE:
            yield event
        else:
            for start in range(0, len(event), PIECE):
                yield event[start : start + PIECE]


async def nothing(receive: Receive) -> AsyncIterator[bytes]:
    """Wait until the caller leaves."""
    await _until_gone(receive)
    return
    yield b""


async def once(body: bytes) -> AsyncIterator[bytes]:
    """Yield a body in pieces of `PIECE` bytes."""
    for start in range(0, len(body), PIECE):
        yield body[start : start + PIECE]


def with_faults(events: list[bytes], answer: Answer, error: JSON) -> Iterable[bytes]:
    """Return the events of a stream with those that the script adds.

    Args:
        events: the events.
        answer: the script.
        error: the body of an error, for `/error-inside`.
    """
    inside, garbled, huge = (answer.number(each) for each in ("error-inside", "garble", "huge"))
    if inside is not None:
        return [*events[: int(inside)], b"data: " + json.dumps(error).encode() + b"\n\n"]
    if garbled is not None:
        at = int(garbled)
        return [*events[:at], b'data: {"id": "cut\n\n', *events[at:]]
    if huge is not None:
        filler = b'data: {"choices":[{"index":0,"delta":{"content":"' + b"x" * int(huge)
        return [*events[:1], filler + b'"}}]}\n\n', *events[1:]]
    if "endless" in answer.commands:
        middle = events[len(events) // 2]
        return (events[0] if not number else middle for number in range(MOST_EVENTS))
    return events


def packed(body: bytes) -> tuple[bytes, dict[str, str]]:
    """Return a body compressed, and its header."""
    return gzip.compress(body), {"content-encoding": "gzip"}
