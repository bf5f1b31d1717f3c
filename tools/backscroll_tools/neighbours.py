"""Finds one object of a list, and the objects before and after it, with two requests.

The first request returns the objects before the wanted object. The second request starts after the
nearest of these objects, so its reply starts with the wanted object. Requests for a single object
are avoided, because some upstreams do not support them (docs/upstreams.md).
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools.client.call import CallClient
from backscroll_tools.client.replies import CONTRARY, Reply
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.client.times import seconds
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON

_UNKNOWN: Final = frozenset({"not_found", "invalid_arguments"})
"""The codes of the errors that upstreams send if the object that `after` names does not exist."""


class Found(Struct, frozen=True):
    """An object of a list, and the objects on both sides of it.

    Attributes:
        older: a reply with the older objects, nearest first.
        named: the object itself.
        newer: a reply with the newer objects, nearest first.
        ignores_after: whether the upstream ignores `after`.
    """

    older: Reply
    named: JSON
    newer: Reply
    ignores_after: bool


class Neighbours(Struct, frozen=True):
    """Finds objects of one list together with their neighbours.

    Attributes:
        client: sends the requests.
        listing: builds the request for a slice of the list.
        least: the minimum number of objects to request on each side; 1 to 100. With 100, an object
            is found in a list of up to 100 objects even if the upstream ignores `after`.
    """

    client: CallClient
    listing: Callable[[Slice], Request]
    least: int

    async def find(self, key: str, older: int, newer: int) -> Found | None:
        """Return an object and its neighbours, or None if it is not found.

        Args:
            key: the object's id.
            older: the number of older objects wanted; 0 to 100.
            newer: the number of newer objects wanted; 0 to 99.

        Raises:
            ToolError: the upstream's failure; `upstream_invalid` if the upstream ignores `order`,
                or if it ignores `after` and the list has more than 100 objects.
        """
        try:
            before = await self._page(Slice(max(older, self.least), "desc", key))
        except ToolError as error:
            if error.code in _UNKNOWN and key in error.message:
                return None
            raise
        older_ones, ignored_first = _beyond(before, key)
        nearest: str = older_ones[0]["id"] if older_ones else ""
        after = await self._after(nearest, key, max(newer + 1, self.least))
        following, ignored_second = _beyond(after, nearest)
        is_next = bool(following) and following[0]["id"] == key
        if CONTRARY in before.warning + after.warning or (
            not self.client.upstream.profile.trusts_has_more
            and (_are_apart(older_ones, following) if is_next else _is_in(key, before, after))
        ):
            raise ToolError(
                "upstream_invalid",
                "The upstream cannot list the items before and after a given item.",
                next_step="Call again without around, and continue with next_cursor.",
            )
        if not is_next:
            return None
        return Found(
            replace(before, items=older_ones),
            following[0],
            replace(after, items=following[1:]),
            ignored_first or ignored_second,
        )

    async def _after(self, nearest: str, key: str, limit: int) -> Reply:
        try:
            return await self._page(Slice(limit, "asc", nearest))
        except ToolError as error:
            if nearest and error.code in _UNKNOWN and nearest in error.message:
                raise ToolError(
                    "not_found",
                    f"{nearest}, which is directly before {key}, was deleted during the call.",
                    next_step="Call again.",
                    retry="safe; nothing was written.",
                ) from None
            raise

    async def _page(self, window: Slice) -> Reply:
        return await self.client.page(self.listing(window))


def _beyond(reply: Reply, key: str) -> tuple[tuple[JSON, ...], bool]:
    """Return a reply's objects after the object `key`, and whether `after` was ignored.

    `key` is the id that the request sent as `after`. If the reply contains objects before the
    object with this id, the upstream has ignored `after`.
    """
    ids = [raw["id"] for raw in reply.items]
    if key not in ids:
        return reply.items, False
    index = ids.index(key)
    return reply.items[index + 1 :], index > 0


def _is_in(key: str, *replies: Reply) -> bool:
    return any(raw["id"] == key for reply in replies for raw in reply.items)


def _are_apart(older: tuple[JSON, ...], following: tuple[JSON, ...]) -> bool:
    """Whether the lists of objects before and after an object cannot both be right.

    That is the case if the times of the objects are in the wrong order, or if both lists contain
    the same object.

    Args:
        older: the objects that the upstream listed before the object, nearest first.
        following: the object itself, followed by the objects after it.
    """
    ids = {raw["id"] for raw in following}
    times = [seconds(raw.get("created_at")) for raw in (*older[:1], *following[:1])]
    match times:
        case [int() as nearest, int() as named] if nearest > named:
            return True
        case _:
            return any(raw["id"] in ids for raw in older)
