"""An upstream with one thread that changes, and that may lie, while it is read."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

THREAD: Final = "thread_1"


@dataclass
class Changing:
    """A thread in an upstream, as an ASGI application.

    Attributes:
        size: the number of messages at first: `msg_0`, `msg_1` and so on.
        page: the maximum number of messages on a page, whatever a request asks for.
        after: what the upstream does if a request names a message that was deleted: it `holds` the
            message's place, it `refuses`, or it starts `again` at the list's start.
        ignores: parameters that the upstream ignores: `order` and `after`.
        repeats: the number of messages before the page that it repeats.
        has_more: what it says: the `truth`, nothing (`absent`), or `true` or `false` always.
        delays_s: how long each request takes, in seconds; repeated.
        changes: what happens before each reply: a number of new messages at the end of the thread,
            and the messages that are deleted.
        failures: the HTTP status and `Retry-After` of the replies to the requests with these
            numbers.
        calls: the messages that are calls of tools, as in a conversation.
        text: the text of each message.
        requests: the order and `after` of each request that was received.
        sent_at: when each request arrived, in seconds of the event loop's clock.
        most_at_once: the maximum number of requests in progress.
        took_s: how long the reader took, in seconds.
        deleted: the messages that were deleted.
    """

    size: int = 0
    page: int = 100
    after: str = "holds"
    ignores: frozenset[str] = frozenset()
    repeats: int = 0
    has_more: str = "truth"
    delays_s: tuple[float, ...] = (0.05,)
    changes: tuple[tuple[int, tuple[int, ...]], ...] = ()
    failures: dict[int, tuple[int, float]] = field(default_factory=dict)
    calls: frozenset[int] = frozenset()
    text: str = "text"
    requests: list[tuple[str, str]] = field(default_factory=list)
    sent_at: list[float] = field(default_factory=list)
    most_at_once: int = 0
    took_s: float = 0.0
    _in_progress: int = 0
    deleted: set[int] = field(default_factory=set)

    @property
    def kept(self) -> list[int]:
        """The messages that have not been deleted, oldest first."""
        return [number for number in range(self.size) if number not in self.deleted]

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        _receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        number = len(self.requests)
        query = {
            name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()
        }
        self.requests.append((query["order"], query.get("after", "")))
        self.sent_at.append(asyncio.get_running_loop().time())
        self._in_progress += 1
        self.most_at_once = max(self.most_at_once, self._in_progress)
        try:
            await asyncio.sleep(self.delays_s[number % len(self.delays_s)])
            status, body, headers = self._answered(number, query)
        finally:
            self._in_progress -= 1
        kind = (b"content-type", b"application/json")
        await send({"type": "http.response.start", "status": status, "headers": [kind, *headers]})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    def _answered(
        self, number: int, query: dict[str, str]
    ) -> tuple[int, object, list[tuple[bytes, bytes]]]:
        if number in self.failures:
            status, retry_after = self.failures[number]
            named = [(b"retry-after", str(retry_after).encode())] if retry_after else []
            return status, {"error": {"message": "Not now."}}, named
        if number < len(self.changes):
            added, deleted = self.changes[number]
            self.size += added
            self.deleted |= {each for each in deleted if each < self.size}
        numbers = list(range(self.size))
        if query["order"] == "desc" and "order" not in self.ignores:
            numbers.reverse()
        after = "" if "after" in self.ignores else query.get("after", "")
        start = 0
        if after:
            last = int(after.removeprefix("msg_"))
            if last not in self.deleted or self.after == "holds":
                start = max(0, numbers.index(last) + 1 - self.repeats)
            elif self.after == "refuses":
                return 404, {"error": {"message": f"There is no message {after}."}}, []
        rest = [each for each in numbers[start:] if each not in self.deleted]
        page = rest[: min(self.page, int(query["limit"]))]
        body: dict[str, object] = {"object": "list", "data": [self._message(each) for each in page]}
        if self.has_more != "absent":
            said = {"true": True, "false": False}.get(self.has_more, len(rest) > len(page))
            body["has_more"] = said
        return 200, body, []

    def _message(self, number: int) -> dict[str, object]:
        text = {"type": "text", "text": {"value": self.text, "annotations": []}}
        kind = "function_call" if number in self.calls else "message"
        return {"id": f"msg_{number}", "type": kind, "role": "user", "content": [text]}
