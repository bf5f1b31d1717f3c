"""Reads a whole list from both of its ends at once, in half of the time.

A list is read page by page, because the request for a page contains the id of the item before it.
If the upstream is far away, most of the time passes between a request and its reply. So while one
walk reads the list from its start, a second walk reads it from its end, in the opposite order. When
the first walk arrives at items that the second walk has read, the rest of the list is known.

The first walk alone decides what is read. Only items that follow an item that both walks have read
are taken from the second walk, and only if both walks have read at least two of the same items, in
opposite orders. If the upstream has ignored `order` or `after`, or if it repeats items, nothing of
the second walk is used. If the second walk fails, the first walk reads on alone.

The end of the list is the one that the second walk found when it started. Items that are added
later may be missing, as those that are added after any other reply are.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise
from typing import Final, Generic

import anyio
from msgspec import Struct, field
from msgspec.structs import replace

from backscroll_tools.client.call import CallClient
from backscroll_tools.client.failures import ExchangeError, TooManyRequestsError
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.replies import CONTRARY
from backscroll_tools.errors import ToolError
from backscroll_tools.pages.source import Chunk, Chunks, Item

PAGES: Final = 20
"""The default maximum number of pages that the second walk reads, and that wait in memory until the
first walk arrives. With the first walk's pages, they are 40 of the 50 requests of a call."""

WAITING_BYTES: Final = 8 * 1024 * 1024
"""The size of replies after which the second walk ends, in bytes. One more reply may follow."""


@asynccontextmanager
async def from_both_ends(
    client: CallClient,
    near: Chunks[Item],
    far: Callable[[CallClient], Chunks[Item]] | None,
    pages: int = PAGES,
    waiting_bytes: float = WAITING_BYTES,
) -> AsyncIterator[Chunks[Item]]:
    """Yield a list that is read from both ends, or `near` if this would not help.

    It does not help if the upstream is in this process, or if an earlier list has shown that the
    upstream does not serve both orders (`Client.has_one_order`). The second walk starts when the
    first page of `near` is not the whole list.

    Args:
        client: the client of `near`. The second walk uses at most half of the requests that the
            call has left.
        near: the list in the order in which it is read.
        far: returns the same list in the opposite order, read by the given client. Both must have
            the same keys, which are ids. None if the list can only be read in one order.
        pages: the maximum number of requests of the second walk.
        waiting_bytes: the size of the second walk's replies after which it ends, in bytes.
    """
    left = int(min(pages, (client.requests - client.tally.requests) / 2))
    helps = not client.upstream.in_process and not client.shared.has_one_order and left > 0
    if far is None or not helps:
        yield near
        return
    second = _SecondWalk(far(client.beside(left, waiting_bytes)))
    failure: ToolError | None = None
    async with anyio.create_task_group() as tasks:
        start = partial(tasks.start_soon, second.read)
        try:
            yield _BothEnds(near, second, client.ends_at, start)
        except ToolError as error:
            failure = error  # raised below, because a task group would wrap it
        second.scope.cancel()
    if second.is_contrary:
        client.shared.has_one_order = True
    if failure is not None:
        raise failure


class _SecondWalk(Struct, Generic[Item], eq=False):
    """The walk from the end of a list, and what it has read.

    Attributes:
        source: the list, in the opposite order.
        scope: ends the walk if it is cancelled.
        ended: is set when the walk has ended.
        known: the keys of the items that the first walk has read, in its order.
        pages: the pages of this walk; the first one is the end of the list.
        places: for the key of each item, the number of its page and its distance from the end.
        has_common: whether both walks have read one of the same items.
        is_contrary: whether what was read contradicts the first walk. Then nothing of it is used.
        failure: why the walk has failed; None if it has not.
        resumes_at: the time until which the upstream asked for no further request, in seconds of
            `anyio.current_time`.
    """

    source: Chunks[Item]
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    ended: anyio.Event = field(default_factory=anyio.Event)
    known: dict[str, None] = field(default_factory=dict)
    pages: list[Chunk[Item]] = field(default_factory=list)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    has_common: bool = False
    is_contrary: bool = False
    failure: ToolError | None = None
    resumes_at: float = 0.0

    async def read(self) -> None:
        """Read pages until the walks meet, the list or the client's limits end, or a failure."""
        after = ""
        with self.scope:
            while not (self.has_met() or self.is_contrary):
                try:
                    page = await self.source.chunk(after, PAGE_ITEMS)
                except ToolError as error:
                    wait_s = error.retry_after_s if isinstance(error, ExchangeError) else 0.0
                    self.failure, self.resumes_at = error, anyio.current_time() + wait_s
                    break
                self._add(page)
                last = page.last or next(reversed(self.places), after)
                if page.has_more is False or last == after:
                    break
                after = last
        self.ended.set()

    def _add(self, page: Chunk[Item]) -> None:
        """Add a page, or note that the upstream does not send the list in the opposite order."""
        keys = [key for key, _ in page.keyed]
        is_repeated = len(set(keys)) < len(keys) or not self.places.keys().isdisjoint(keys)
        if is_repeated or page.from_start or CONTRARY in page.warning:
            self.is_contrary = True
            return
        number, first = len(self.pages), len(self.places)
        self.places |= {key: (number, first + at) for at, key in enumerate(keys)}
        self.pages.append(page)
        self.has_common |= not self.known.keys().isdisjoint(keys)

    def meet(self, keys: list[str]) -> None:
        """Note the keys of items that the first walk has read."""
        self.known |= dict.fromkeys(keys)
        self.has_common |= not self.places.keys().isdisjoint(keys)

    def has_met(self) -> bool:
        """Whether both walks have read at least two of the same items, in opposite orders.

        If the orders are not opposite, set `is_contrary`.
        """
        if not self.has_common or self.is_contrary:
            return False
        common = [self.places[key][1] for key in self.known if key in self.places]
        self.is_contrary = any(later > earlier for earlier, later in pairwise(common))
        return len(common) > 1 and not self.is_contrary

    def after(self, key: str, passed: int) -> deque[Chunk[Item]]:
        """Return what follows an item that both walks have read, in the order of the first walk.

        Args:
            key: the item's key.
            passed: the number of skipped items after it that the first walk has counted.
        """
        number, _ = self.places[key]
        pages = deque([self.pages[number].backwards.following(key)])
        for page in reversed(self.pages[:number]):
            # A page without items does not advance a walk, so it is joined to its neighbour.
            if page.items and pages[-1].items:
                pages.append(page.backwards)
            else:
                pages[-1] = pages[-1].then(page.backwards)
        pages[0] = pages[0].passing_fewer(passed)
        if not pages[0].items and not any(pages[0].passed):
            return deque()  # the item is the last one; the first walk finds out what follows
        *others, end = pages
        ended = replace(end, has_more=False)
        return deque([*(replace(page, has_more=True) for page in others), ended])


class _BothEnds(Struct, Generic[Item], eq=False):
    """A list that is read by two walks, in the order of the first.

    Attributes:
        near: the list, in the order of the first walk.
        second: the second walk.
        ends_at: the call's deadline, in seconds of `anyio.current_time`.
        start: starts the second walk.
    """

    near: Chunks[Item]
    second: _SecondWalk[Item]
    ends_at: float
    start: Callable[[], object]
    _rest: deque[Chunk[Item]] = field(default_factory=deque)
    _passed: int = 0
    _has_started: bool = False

    async def chunk(self, after: str, limit: int) -> Chunk[Item]:
        """Return the next page, without a request if the second walk has read it.

        Raises:
            ToolError: the failure of a request; also that of the second walk if the upstream has
                asked for a longer pause than the call has time for.
        """
        second = self.second
        if not second.known and after:
            second.meet([after])
        if self._is_met():
            return self._rest.popleft()
        await self._wait_as_asked()
        try:
            page = await self.near.chunk(after, limit)
        except TooManyRequestsError:
            if self._has_started:
                await second.ended.wait()  # for the reply to its last request
            if not self._is_met():
                raise
            return self._rest.popleft()
        second.meet([key for key, _ in page.keyed])
        self._passed = sum(page.passed[-1:]) if page.items else self._passed + sum(page.passed)
        if not self._has_started and page.has_more is not False:
            self._has_started = True
            self.start()
        return page

    def _is_met(self) -> bool:
        """Whether the second walk has read the next page, which is then in `_rest`."""
        last = next(reversed(self.second.known), "")
        if not self._rest and last in self.second.places and self.second.has_met():
            self.second.scope.cancel()
            self._rest = self.second.after(last, self._passed)
        return bool(self._rest)

    async def _wait_as_asked(self) -> None:
        """Wait as long as the upstream has asked the second walk to wait."""
        if self.second.resumes_at <= anyio.current_time():
            return
        if self.second.failure is not None and self.second.resumes_at >= self.ends_at:
            raise self.second.failure
        await anyio.sleep_until(self.second.resumes_at)
