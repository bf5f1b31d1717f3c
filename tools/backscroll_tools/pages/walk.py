"""The walk: an upstream's pages one after another, until enough is read or no progress is possible.

An upstream may misbehave (docs/upstreams.md): its cursor does not advance, it repeats ids, or an
empty page promises more. Then the walk ends, keeps the items that it has, and gives the reason.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Generic, Protocol, TypeVar

import anyio

from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.replies import CONTRARY, UNNAMED, Reply
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON, StoppedBy

Item = TypeVar("Item", bound=Mapping[str, object])
Item_co = TypeVar("Item_co", bound=Mapping[str, object], covariant=True)

STUCK: Final = "the upstream repeats itself, so what may follow cannot be reached"
EMPTY: Final = "the upstream sent an empty page and says that more follows"
FAILED: Final = "the upstream failed after the items above; go on with the cursor"
GONE: Final = "the message that was being read was deleted meanwhile"
WARNING_CHARS: Final = len(f"{CONTRARY}; {UNNAMED}; {GONE}; ") + max(
    map(len, (STUCK, EMPTY, FAILED))
)
"""The most characters of all warnings of one walk; a page reserves space for them."""


@dataclass(frozen=True, slots=True)
class Chunk(Generic[Item_co]):
    """One page of an upstream.

    Attributes:
        items: the items of the kind that the list returns.
        has_more: whether more follow; None if only another request can tell.
        last: the key that the next page starts after, if it is not the last item's.
        passed: the number of items of other kinds before each item and, as the last entry, after
            all of them; may be empty if there were none.
        warning: a description of the page's flaws; empty if there are none.
        keys: the items' keys, unique in the list, for use in a cursor: 1 to 256 characters that an
            id may have (`requests.ID`). If empty, the items' ids are the keys.
    """

    items: tuple[Item_co, ...]
    has_more: bool | None
    last: str = ""
    passed: tuple[int, ...] = ()
    warning: str = ""
    keys: tuple[str, ...] = ()

    @property
    def keyed(self) -> list[tuple[str, Item_co]]:
        """The items, each with its key."""
        keys = self.keys or tuple([str(item["id"]) for item in self.items])
        return list(zip(keys, self.items, strict=True))

    @classmethod
    def of(
        cls,
        reply: Reply,
        item: Callable[[JSON], Item_co],
        wanted: Callable[[JSON], bool] = lambda _: True,
    ) -> "Chunk[Item_co]":
        """Return a list reply as a page: `item` converts each object that `wanted` accepts."""
        items: list[Item_co] = []
        passed = [0]
        for raw in reply.items:
            if wanted(raw):
                items.append(item(raw))
                passed.append(0)
            else:
                passed[-1] += 1
        last = reply.items[-1]["id"] if passed[-1] else ""
        return cls(tuple(items), reply.has_more, last, tuple(passed), reply.warning)


class Source(Protocol[Item_co]):
    """A list of an upstream, read in one direction."""

    async def chunk(self, after: str, limit: int) -> Chunk[Item_co]:
        """Return up to `limit` (1–100) items after the key `after`; if empty, the first ones."""
        ...

    async def item(self, key: str, /) -> Item_co | None:
        """Return one item of the list by its key, or None if it is gone."""
        ...


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a walk ended, and whether more follows.

    Attributes:
        by: the reason.
        has_more: whether more follows.
        warning: a description of the upstream's flaws; empty if there are none.
        reachable: whether a cursor can reach the items that follow.
        last: the key that the next page starts after, if it is not the last taken item's.
        passed: the number of items of other kinds that were skipped.
    """

    by: StoppedBy
    has_more: bool
    warning: str = ""
    reachable: bool = True
    last: str = ""
    passed: int = 0

    def passing(self, count: int) -> "Stop":
        """Return the same with `count` more skipped items of other kinds."""
        return replace(self, passed=self.passed + count) if count else self

    def warned(self, warning: str) -> "Stop":
        """Return the same with one more warning, if all still fit into `WARNING_CHARS`."""
        if not warning or warning in self.warning:
            return self
        warnings = "; ".join(filter(None, (self.warning, warning)))
        return self if len(warnings) > WARNING_CHARS else replace(self, warning=warnings)


@dataclass(frozen=True, slots=True)
class Walk:
    """The limits of a walk.

    Attributes:
        limit: the most items on the page.
        requests: the most upstream requests; 1 or more.
        ends_at: the deadline, in seconds of `anyio.current_time`.
        report: called with the items taken and the limit, after requests that do not end the walk.
    """

    limit: int
    requests: int
    ends_at: float
    report: Callable[[int, int], Awaitable[None]] | None = None

    async def over(
        self,
        source: Source[Item],
        after: str,
        take: Callable[[Item, str, int], bool],
        fits: Callable[[Stop], bool],
        taken: int = 0,
    ) -> Stop:
        """Pass the items after `after` to `take` one by one, until it returns False.

        Args:
            source: the list.
            after: the key that the walk starts after; empty for the start of the list.
            take: takes an item, its key, and the number of items of other kinds skipped so far.
                Returns whether it wants more.
            fits: whether the page has space for the cursor and count of this stop, after items of
                other kinds. If not, the walk ends after the last item taken.
            taken: the number of items that the page has already. If they fill it, the walk only
                checks whether more follow.

        Raises:
            ToolError: the upstream's failure or `deadline_exceeded`, if the page is empty.
        """
        seen = {after} if after else set[str]()
        asked = {after}
        so_far = Stop("requests", has_more=True)
        for _ in range(self.requests):
            chunk = await self._chunk(source, after, taken, so_far)
            if isinstance(chunk, Stop):
                return chunk
            so_far = so_far.warned(chunk.warning)
            keyed = chunk.keyed
            ahead = {
                key: count for (key, _), count in zip(keyed, chunk.passed, strict=False) if count
            }
            for key, item in _fresh(keyed, after, seen):
                if taken >= self.limit:
                    return replace(so_far, by="limit", last="")
                passing = so_far.passing(ahead.get(key, 0))
                wants_more = take(item, key, passing.passed)
                # If the item did not fit, the next page reads it and the skipped ones before it.
                if wants_more or not taken:
                    so_far = passing
                if not wants_more:
                    return replace(so_far, by="size", last="")
                taken += 1
                after = key
            behind = replace(so_far.passing(sum(chunk.passed[-1:])), last=chunk.last)
            if taken and not fits(behind):
                return replace(so_far, by="size", last="")
            so_far = behind
            after = chunk.last or after
            if stop := self._ended(chunk, taken, so_far, advanced=after not in asked):
                return stop
            asked.add(after)
            if self.report is not None:
                await self.report(taken, self.limit)
        return so_far

    async def _chunk(
        self, source: Source[Item], after: str, taken: int, so_far: Stop
    ) -> Chunk[Item] | Stop:
        """Return the next chunk, or a stop that keeps the items read so far."""
        chunk = None
        try:
            with anyio.CancelScope(deadline=self.ends_at):
                # If most items are of other kinds, ask for more and more of them at once.
                wanted = max(1, self.limit - taken + so_far.passed)
                chunk = await source.chunk(after, min(PAGE_ITEMS, wanted))
        except ToolError as error:
            if not taken and not so_far.passed:
                raise _lost(error, after) from None
            return so_far.warned(FAILED)
        if chunk is None and not taken and not so_far.passed:
            raise too_late()
        return chunk or replace(so_far, by="deadline")

    def _ended(
        self, chunk: Chunk[Item], taken: int, so_far: Stop, *, advanced: bool
    ) -> Stop | None:
        """Return the stop if the walk ends after this completely read chunk, else None."""
        empty = not chunk.items and not any(chunk.passed)
        if chunk.has_more is False or (chunk.has_more is None and empty):
            return replace(so_far, by="end", has_more=False)
        if chunk.has_more and taken >= self.limit:
            return replace(so_far, by="limit")
        if advanced:
            return None
        return replace(so_far.warned(EMPTY if empty else STUCK), reachable=False)


def _fresh(keyed: list[tuple[str, Item]], after: str, seen: set[str]) -> list[tuple[str, Item]]:
    """Return the items whose keys are not in `seen`, in order, and add their keys to `seen`.

    An upstream that ignores `after` may send that item again; only the items after it are
    new.
    """
    keys = [key for key, _ in keyed]
    if after in keys:
        keyed = keyed[keys.index(after) + 1 :]
    fresh: list[tuple[str, Item]] = []
    for key, item in keyed:
        if key not in seen:
            seen.add(key)
            fresh.append((key, item))
    return fresh


def _lost(error: ToolError, after: str) -> ToolError:
    """Return the error of an unreadable page, with advice if the upstream does not know `after`.

    Some upstreams refuse to continue after an item that is gone (docs/upstreams.md).
    """
    unknown = error.code in {"not_found", "invalid_arguments"} and (
        after in error.message or "cursor" in error.message
    )
    if not after or not unknown:
        return error
    return ToolError(
        "not_found",
        f"The upstream knows no {after}, behind which this page starts ({error.message}).",
        next_step=(
            "If it was deleted, give the id of a neighbour that you have read as after (or "
            "before), or start again without cursor."
        ),
    )


def too_late() -> ToolError:
    """Return the error for a call that ran out of time before anything was read."""
    return ToolError(
        "deadline_exceeded",
        "The upstream did not answer within the time that a call may take.",
        next_step="Call again; if it stays so, ask for a smaller `limit`.",
    )
