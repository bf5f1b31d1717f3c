"""A walk: reads an upstream's pages one after another, until there are enough items.

Some upstreams have faults (docs/upstreams.md). If an upstream repeats ids, the walk skips the
repeated items, and adds a warning. If an upstream sends the same page again, or sends an empty page
and claims that more items follow, the walk ends with a warning, and keeps the items that it has
read.
"""

from collections.abc import Awaitable, Callable, Collection
from typing import Final

import anyio
from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools.client.failures import TooManyRequestsError
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.errors import ToolError
from backscroll_tools.pages.source import Chunk, Chunks, Item
from backscroll_tools.pages.stop import ABSENT, EMPTY, FAILED, IGNORED, REPEATED, STUCK, Stop

_NOT_ENDED: Final = Stop("requests", has_more=True)


class _Progress(Struct):
    """The changing state of a walk.

    Attributes:
        after: the key that the next request starts after.
        taken: the number of items on the page.
        seen: the keys of all items that were read; their ids if the keys are places.
        so_far: the `Stop` that would be returned if the walk ended now.
        promised: whether the chunk that was read last claimed that more items follow. Before the
            first request, this is `Walk.promised`.
        limit: the number of items that the most recent request asked for.
    """

    after: str
    taken: int
    seen: set[str]
    so_far: Stop = _NOT_ENDED
    promised: bool = False
    limit: int = 0


class Walk(Struct, frozen=True):
    """A walk over an upstream's list, with its limits.

    Attributes:
        limit: the maximum number of items on the page.
        requests: the maximum number of upstream requests; 1 or more.
        ends_at: the deadline, in seconds of `anyio.current_time`.
        report: called after each request that does not end the walk, with the number of items taken
            and the limit.
        promised: whether an earlier page, after which this walk starts, claimed that more items
            follow.
        ignores_after: whether the upstream is known to ignore `after`.
        checks_after: whether to check if the upstream ignores `after`. This takes an additional
            request. The request is made only if the upstream's first page has items, but not the
            item that `after` names.
    """

    limit: int
    requests: int
    ends_at: float
    report: Callable[[int, int], Awaitable[None]] | None = None
    promised: bool = False
    ignores_after: bool = False
    checks_after: bool = False

    async def over(
        self,
        source: Chunks[Item],
        after: str,
        take: Callable[[Item, str, int], bool],
        fits: Callable[[Stop], bool],
        taken: int = 0,
    ) -> Stop:
        """Pass the items after `after` to `take` one by one, until it returns False.

        Args:
            source: the list.
            after: the key that the walk starts after; empty for the start of the list.
            take: called with an item, its key, and the number of items (such as tool calls) skipped
                so far. Returns whether the page can take more items.
            fits: called after each chunk, with the `Stop` to return if the walk ended there.
                Returns whether the page has space for its cursor and its count of skipped items. If
                not, the walk ends after the last item taken.
            taken: the number of items that the page already has. If it is the limit, the walk only
                checks whether more items follow.

        Raises:
            ToolError: the upstream's failure or `deadline_exceeded`, if the page is empty.
        """
        progress = _Progress(after, taken, {after} if after else set(), promised=self.promised)
        if self.ignores_after:
            progress.so_far = replace(progress.so_far, ignores_after=True)
        starts = {after}
        for number in range(self.requests):
            chunk = await self._chunk(source, progress)
            if isinstance(chunk, Stop):
                return chunk
            if not number and await self._is_start(source, chunk, after):
                progress.so_far = replace(progress.so_far, ignores_after=True)
                continue
            stop = self._taken(chunk, progress, take, fits) or self._ended(chunk, progress, starts)
            if stop is not None:
                return stop
            starts.add(progress.after)
            if self.report is not None:
                await self.report(progress.taken, self.limit)
        return progress.so_far

    async def _chunk(self, source: Chunks[Item], progress: _Progress) -> Chunk[Item] | Stop:
        """Return the next chunk; if it cannot be read, the `Stop` that ends the walk."""
        so_far = progress.so_far
        nothing_read = not progress.taken and not so_far.passed
        chunk = None
        try:
            with anyio.CancelScope(deadline=self.ends_at):
                # Some items are skipped, such as tool calls in a list of messages. To make up for
                # them, ask for as many additional items as were skipped so far.
                wanted = max(1, self.limit - progress.taken + so_far.passed)
                progress.limit = PAGE_ITEMS if so_far.ignores_after else min(PAGE_ITEMS, wanted)
                chunk = await source.chunk(progress.after, progress.limit)
        except TooManyRequestsError:
            if nothing_read:
                raise
            return so_far
        except ToolError as error:
            if nothing_read:
                raise _lost(error, progress.after) from None
            return so_far.warned(FAILED)
        if chunk is None and nothing_read:
            raise too_late()
        return chunk or replace(so_far, by="deadline")

    async def _is_start(self, source: Chunks[Item], chunk: Chunk[Item], after: str) -> bool:
        """Whether the upstream has ignored `after`, so that the chunk is the start of the list."""
        keys = [key for key, _ in chunk.keyed]
        if not self.checks_after or not keys or after in {"", *keys}:
            return False
        start = await replace(self, limit=1)._chunk(source, _Progress("", 0, set()))  # noqa: SLF001 - a method of this class
        # Also compare how many items are skipped before the first item. If `after` names one of
        # these skipped items, both chunks have the same first item, although the upstream has not
        # ignored `after`.
        return (
            isinstance(start, Chunk)
            and [key for key, _ in start.keyed[:1]] == keys[:1]
            and start.passed[:1] == chunk.passed[:1]
        )

    def _taken(
        self,
        chunk: Chunk[Item],
        progress: _Progress,
        take: Callable[[Item, str, int], bool],
        fits: Callable[[Stop], bool],
    ) -> Stop | None:
        """Pass the chunk's items to `take`. Return a `Stop` if the walk ends within the chunk."""
        progress.so_far = progress.so_far.warned(chunk.warning).reading(chunk.from_start)
        keyed = chunk.keyed
        if progress.so_far.ignores_after and progress.after not in {"", *(key for key, _ in keyed)}:
            return replace(progress.so_far.warned(IGNORED), reachable=False)
        before = {key: count for (key, _), count in zip(keyed, chunk.passed, strict=False) if count}
        fresh, repeated = _fresh(chunk, progress)
        if repeated and (fresh or chunk.has_more is False):
            progress.so_far = progress.so_far.warned(REPEATED)
        for key, item in fresh:
            if progress.taken >= self.limit:
                return replace(progress.so_far, by="limit")
            passing = progress.so_far.passing(before.get(key, 0)) if before else progress.so_far
            wants_more = take(item, key, passing.passed)
            # If the item did not fit, the next page reads it again, together with the skipped items
            # of this chunk before it. So this page does not count these skipped items. The first
            # item of a page always fits, at least a piece of it.
            if wants_more or not progress.taken:
                progress.so_far = replace(passing, last="") if passing.last else passing
            if not wants_more:
                return replace(progress.so_far, by="size")
            progress.taken += 1
            progress.after = key
        if keyed and not fresh:
            # All items were seen before. A request for the items after the last one would lead back
            # to items that were already read.
            progress.after = (chunk.has_places and chunk.last) or progress.after
            return None
        after_chunk = progress.so_far.passing(sum(chunk.passed[-1:]))
        if after_chunk.last != chunk.last:
            after_chunk = replace(after_chunk, last=chunk.last)
        if progress.taken and not fits(after_chunk):
            return replace(progress.so_far, by="size")
        progress.so_far = after_chunk
        progress.after = chunk.last or progress.after
        return None

    def _ended(
        self, chunk: Chunk[Item], progress: _Progress, starts: Collection[str]
    ) -> Stop | None:
        """Return a `Stop` if the walk ends after this chunk; otherwise None.

        All items of the chunk have been taken.
        """
        so_far = progress.so_far
        received = len(chunk.items) + sum(chunk.passed)
        promised, progress.promised = progress.promised, bool(chunk.has_more)
        if chunk.has_more is False or (chunk.has_more is None and not received):
            if promised and not received:
                so_far = so_far.warned(ABSENT)
            return replace(so_far, by="end", has_more=False)
        if chunk.is_dead_end:
            return replace(so_far.warned(STUCK), reachable=False)
        if chunk.has_more and progress.taken >= self.limit:
            return replace(so_far, by="limit")
        if progress.after not in starts:
            return None
        if received >= progress.limit and progress.limit < PAGE_ITEMS and not chunk.has_places:
            # `after` was ignored, so this page is the start of the list. If it is full, a larger
            # page may reach the next items. Some sources request more items than `limit`, so
            # `received` may be greater than `limit`.
            progress.so_far = replace(so_far, ignores_after=True)
            return None
        return replace(so_far.warned(STUCK if received else EMPTY), reachable=False)


def _fresh(chunk: Chunk[Item], progress: _Progress) -> tuple[list[tuple[str, Item]], bool]:
    """Return a chunk's new items with their keys, and whether the chunk repeats items.

    All items of the chunk are recorded as seen. If an upstream ignores `after`, the chunk may
    contain the item A whose key is `after`. Then only items after A can be new. The items up to and
    including A do not count as repeated. They are recorded as seen, because a later chunk may
    contain them without A.
    """
    keyed, start = chunk.keyed, 0
    keys = [key for key, _ in keyed]
    # If an upstream sends the same item on two pages, the item's places differ, but not its ids.
    names = [str(item["id"]) for _, item in keyed] if chunk.has_places else keys
    if progress.after in keys:
        start = keys.index(progress.after) + 1
        progress.seen.update(names[:start])
    fresh: list[tuple[str, Item]] = []
    for name, pair in zip(names[start:], keyed[start:], strict=True):
        if name not in progress.seen:
            progress.seen.add(name)
            fresh.append(pair)
    return fresh, len(fresh) < len(keyed) - start


def _lost(error: ToolError, after: str) -> ToolError:
    """Return the error for a page that could not be read.

    Some upstreams cannot continue after a deleted item (docs/upstreams.md). If the upstream does
    not know `after`, the error says so and how to continue.
    """
    unknown = error.code in {"not_found", "invalid_arguments"} and (
        after in error.message or "cursor" in error.message
    )
    if not after or not unknown:
        return error
    return ToolError(
        "not_found",
        f"The upstream does not know {after}, which this page starts after ({error.message}).",
        next_step=(
            "If it was deleted, pass the id of another item as after (or before), or start again "
            "without cursor."
        ),
    )


def too_late() -> ToolError:
    """Return the error for a call whose time ran out before anything was read."""
    return ToolError(
        "deadline_exceeded",
        "The upstream did not answer within the call's time limit.",
        next_step="Call again; if this persists, use a smaller `limit`.",
    )
