"""An upstream in memory, behind a network that draws the outcome of each request."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, cast

import httpx2

from backscroll_tools.models import JSON
from tests.simulation.faults import Forecast

Lie: TypeAlias = Literal["none", "has_more_false", "has_more_absent", "has_more_true", "no_query"]
"""How its lists are dishonest: in `has_more`, or by ignoring all parameters."""

Times: TypeAlias = tuple[float, float]
"""When a write was requested, and how many seconds later lists show it."""

EPOCH_S: Final = 1_700_000_000
"""The Unix time at which the clock is 0."""

_GARBAGE: Final = (b"", b"<html>", b'{"id": "msg_1"', b"[]", b"\xff\xfe", b"[" * 100_000, b"null")
_RESETS: Final = (httpx2.ReadError, httpx2.RemoteProtocolError, httpx2.WriteError)
_UNSENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


@dataclass(slots=True)
class Row:
    """A message or another item, where it was written.

    Attributes:
        value: the object that the upstream replies with.
        key: the `Idempotency-Key` that its writer sent.
        asked_at: when the request that wrote it was sent, in seconds of the clock.
        listed_at: when lists begin to show it.
        deleted_at: when it was deleted.
    """

    value: JSON
    key: str
    asked_at: float
    listed_at: float
    deleted_at: float | None = None

    @property
    def id(self) -> str:
        return cast("str", self.value["id"])

    def is_shown(self, now: float) -> bool:
        """Whether lists show it at a time."""
        return self.listed_at <= now and self.deleted_at is None


@dataclass(slots=True)
class MemoryUpstream(httpx2.AsyncBaseTransport):
    """Threads and conversations as lists of rows.

    Attributes:
        weather: draws the outcome of each request.
        honours_keys: whether a repeated `Idempotency-Key` replays the first reply.
        keeps_metadata: whether a message's metadata is kept.
        lie: how its lists are dishonest.
        lists: the rows of each thread or conversation, in the order in which they were written.
        asked: called with each request, before its outcome is drawn.
    """

    weather: Forecast
    honours_keys: bool
    keeps_metadata: bool = True
    lie: Lie = "none"
    lists: dict[str, list[Row]] = field(default_factory=dict)
    asked: Callable[[httpx2.Request], None] = lambda _: None
    _replies: dict[str, tuple[bytes, JSON]] = field(default_factory=dict)
    _made: int = 0

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked(request)
        fault, asked_at = self.weather.next(), self.now
        body = await request.aread()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[tuple[int, JSON]] = loop.create_future()

        def act() -> None:
            done.set_result(self._acted(request, body, (asked_at, fault.listed_s)))

        if fault.acts_s is not None:
            # Even if the client no longer waits, because the upstream does not know that.
            loop.call_later(fault.acts_s, act)
        if fault.answer == "silence":
            await loop.create_future()
        await asyncio.sleep(fault.answers_s)
        rng = self.weather.rng
        match fault.answer:
            case "honest":
                status, value = await done
                return _response(status, value)
            case "cut":
                status, value = await done
                raw = json.dumps(value).encode()
                return httpx2.Response(
                    status, stream=Body(raw[: rng.randrange(len(raw))], breaks=True)
                )
            case "garbage":
                return httpx2.Response(200, stream=Body(rng.choice(_GARBAGE)))
            case "unsent":
                raise rng.choice(_UNSENT)("", request=request)
            case "reset" | "silence":
                raise rng.choice(_RESETS)("", request=request)
            case status:
                headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
                return _response(status, _error("It failed."), headers)

    def add(self, list_id: str, value: JSON, key: str = "", times: Times | None = None) -> Row:
        """Write one row at once, and return it."""
        asked_at, listed_s = times or (self.now, 0.0)
        self._made += 1
        found = self.lists.setdefault(list_id, [])
        fields: JSON = {"created_at": EPOCH_S + int(self.now)}
        if list_id.startswith("conv_"):
            fields = {"status": "completed"}
        if not self.keeps_metadata:
            fields["metadata"] = {}
        row = Row(
            {**value, "id": f"msg_{self._made}", **fields}, key, asked_at, self.now + listed_s
        )
        found.append(row)
        return row

    def _acted(self, request: httpx2.Request, body: bytes, times: Times) -> tuple[int, JSON]:
        key = request.headers.get("idempotency-key", "")
        parts = request.url.path.removeprefix("/v1/").split("/")
        if request.method == "GET":
            return self._read(parts, dict(request.url.params))
        if self.honours_keys and key in self._replies:
            first, reply = self._replies[key]
            return (200, reply) if first == body else (422, _error("Another request."))
        reply = self._written(parts, json.loads(body), key, times)
        if self.honours_keys:
            self._replies[key] = (body, reply)
        return 200, reply

    def _written(self, parts: list[str], body: JSON, key: str, times: Times) -> JSON:
        match parts:
            case ["threads"] | ["conversations"]:
                noun = parts[0].removesuffix("s")
                self._made += 1
                list_id = f"{'conv' if noun == 'conversation' else noun}_{self._made}"
                self.lists[list_id] = []
                for value in body.get("messages") or body.get("items") or ():
                    self.add(list_id, value, key, times)
                return {"id": list_id, "object": noun, "created_at": EPOCH_S}
            case ["threads", list_id, "messages"]:
                return self.add(list_id, body, key, times).value
            case ["conversations", list_id, "items"]:
                added = [self.add(list_id, value, key, times).value for value in body["items"]]
                return {"object": "list", "data": added, "has_more": False}
            case _:
                raise AssertionError(parts)

    def _read(self, parts: list[str], query: dict[str, str]) -> tuple[int, JSON]:
        rows = self.lists.get(parts[1])
        if rows is None:
            return 404, _error(f"No list with id {parts[1]}.")
        if len(parts) == 4:
            found = [row for row in rows if row.id == parts[3] and row.deleted_at is None]
            return (200, found[0].value) if found else (404, _error(f"No {parts[3]}."))
        return self._listed(rows, {} if self.lie == "no_query" else query)

    def _listed(self, rows: list[Row], query: dict[str, str]) -> tuple[int, JSON]:
        limit = int(query.get("limit", len(rows) + 1))
        ordered = rows if query.get("order") == "asc" else rows[::-1]
        now = self.now
        if after := query.get("after"):
            ids = [row.id for row in ordered]
            if after not in ids:
                return 404, _error(f"No message {after}.")
            ordered = ordered[ids.index(after) + 1 :]
        shown = [row.value for row in ordered if row.is_shown(now)]
        page = shown[:limit]
        reply: JSON = {"object": "list", "data": page, "has_more": len(shown) > limit}
        reply["last_id"] = page[-1]["id"] if page else ""
        if self.lie in {"has_more_false", "has_more_true"}:
            reply["has_more"] = self.lie == "has_more_true"
        if self.lie == "has_more_absent":
            del reply["has_more"]
        return 200, reply


class Body(httpx2.AsyncByteStream):
    """A body that can be read once, as from a network, and may break off."""

    def __init__(self, held: bytes, *, breaks: bool = False) -> None:
        self._held = held
        self._breaks = breaks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._held
        if self._breaks:
            message = "cut"
            raise httpx2.ReadError(message)


def _response(status: int, value: JSON, headers: dict[str, str] | None = None) -> httpx2.Response:
    return httpx2.Response(status, headers=headers, stream=Body(json.dumps(value).encode()))


def _broken(status: int, held: bytes) -> httpx2.Response:
    return httpx2.Response(status, stream=Body(held, breaks=True))


def _error(message: str) -> JSON:
    return {"error": {"message": message, "type": "x", "param": None, "code": None}}
