"""Reads several lists of threads as one, in the order of creation.

A position in the merged list holds a position in each list, so that nothing is missed and nothing
is shown twice.
"""

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from backscroll_tools.client.call import CallClient
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.replies import Reply
from backscroll_tools.client.requests import Slice
from backscroll_tools.client.times import seconds
from backscroll_tools.errors import ToolError
from backscroll_tools.lookup import PAGES, Lookup
from backscroll_tools.models import JSON, Order
from backscroll_tools.thread_lists import ThreadList, list_of

_KEY: Final = re.compile(r"(?P<last>[0-9])\.(?P<lengths>(?:[0-9]{1,3}\.)+)=(?P<ids>.*)")


def _key(last: int, positions: Sequence[str]) -> str:
    """Return the key of an object.

    Args:
        last: the index of the object's list.
        positions: for each list, the id of the last object up to here; empty if it has none.
    """
    lengths = "".join(f"{len(each)}." for each in positions)
    return f"{last}.{lengths}={''.join(positions)}"


def _positions(key: str) -> tuple[int, list[str]] | None:
    """Return the two arguments of `_key` for its result; None for an id."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    positions: list[str] = []
    ids = found["ids"]
    for length in found["lengths"].split(".")[:-1]:
        positions.append(ids[: int(length)])
        ids = ids[int(length) :]
    return int(found["last"]), positions


def id_of(key: str) -> str:
    """Return the id of the object with a key, which may be the id itself."""
    found = _positions(key)
    if found is None or found[0] >= len(found[1]):
        return key
    return found[1][found[0]]


class MergedLists(Struct, frozen=True):
    """Several lists that are read as one.

    Attributes:
        client: sends the requests.
        lists: the lists. Their keys are ids.
        order: the order of creation in which they are read.
    """

    client: CallClient
    lists: list[ThreadList]
    order: Order

    async def page(self, after: str, limit: int) -> Reply:
        """Return the objects after a position, with their keys.

        Args:
            after: the key or the id of an object; empty for the start.
            limit: the maximum number of objects; 1 to 100.

        Raises:
            ToolError: the failure of a request; `upstream_retired` if the upstream lacks all lists.
        """
        positions = await self._start(after)
        lacks: list[ToolError] = []
        replies = [
            await self._slice(at, limit, position, lacks) for at, position in enumerate(positions)
        ]
        if len(lacks) == len(self.lists):
            raise lacks[0]
        rows = [list(reply.items) for reply in replies]
        items: list[JSON] = []
        keys: list[str] = []
        while len(items) < limit:
            at = self._next(rows)
            if at is None:
                break
            raw = rows[at].pop(0)
            positions[at] = raw["id"]
            items.append(raw)
            keys.append(_key(at, positions))
            if not rows[at] and _has_more(replies[at]):
                break  # the list's next objects may come before those of the other lists
        has_more = any(rows) or any(map(_has_more, replies))
        warning = "; ".join(dict.fromkeys(each.warning for each in replies if each.warning))
        return Reply(tuple(items), has_more, warning=warning, keys=tuple(keys))

    async def _slice(
        self, at: int, limit: int, position: str, lacks: list[ToolError] | None = None
    ) -> Reply:
        """Return a slice of one list; an empty slice if the upstream lacks the list.

        Args:
            at: the index of the list.
            limit: the maximum number of objects; 1 to 100.
            position: the id of the object that the slice follows; empty for the start.
            lacks: the error is added to it if the upstream lacks the list.
        """
        try:
            return await self.client.page(
                self.lists[at].listing(Slice(limit, self.order, position))
            )
        except ToolError as error:
            if error.code != "upstream_retired" or position:
                raise
            if lacks is not None:
                lacks.append(error)
            return Reply((), has_more=False)

    def _next(self, rows: list[list[JSON]]) -> int | None:
        """Return the index of the list whose next object is the next one; None if none is left."""
        times = {at: _time(left[0]) for at, left in enumerate(rows) if left}
        if not times:
            return None
        # Of objects of the same time, the opposite order has the one of the other list first.
        first = min if self.order == "asc" else max
        return first(times, key=lambda at: (times[at], at))

    def _is_before(self, at: int, other: int) -> bool:
        """Whether a list comes before another one if their objects have the same time."""
        return at < other if self.order == "asc" else at > other

    async def _start(self, after: str) -> list[str]:
        """Return the position in each list for a key or an id."""
        if not after:
            return [""] * len(self.lists)
        found = _positions(after)
        if found is not None and len(found[1]) == len(self.lists):
            return found[1]
        own = list_of(self.lists, after)
        lookup = Lookup(self.client, self.lists[own].listing, self.lists[own].retrieval)
        named = await lookup.get(after) or {}
        return [
            after
            if at == own
            else await self._before(at, _time(named), includes=self._is_before(at, own))
            for at in range(len(self.lists))
        ]

    async def _before(self, at: int, time: float, *, includes: bool) -> str:
        """Return the id of the last object of a list that comes before a time.

        Args:
            at: the index of the list.
            time: the time of creation.
            includes: whether objects of the same time come before it.
        """
        sign = 1 if self.order == "asc" else -1
        position = ""
        for _ in range(PAGES):
            reply = await self._slice(at, PAGE_ITEMS, position)
            for raw in reply.items:
                ahead = sign * (_time(raw) - time)
                if ahead > 0 or (ahead == 0 and not includes):
                    return position
                position = raw["id"]
            if not _has_more(reply):
                break
        return position


def _has_more(reply: Reply) -> bool:
    return bool(reply.items) and reply.has_more is not False


def _time(raw: JSON) -> float:
    return seconds(raw.get("created_at")) or 0
