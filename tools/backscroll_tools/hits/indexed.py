"""Hits from the index of an upstream that has search: the embedded store (docs/upstreams.md)."""

from collections.abc import Sequence
from typing import Final

import anyio
from msgspec import Struct, field

from backscroll_tools.client.failures import TooManyRequestsError
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.hits import index_reply
from backscroll_tools.hits.context import REQUESTS, with_context
from backscroll_tools.hits.index_reply import INDEX
from backscroll_tools.hits.page import BoundedHits
from backscroll_tools.hits.passages import joined
from backscroll_tools.hits.search import QUERY_CUT, Search
from backscroll_tools.models import JSON, StoppedBy
from backscroll_tools.pages.stop import FAILED, STUCK
from backscroll_tools.pages.walk import too_late
from backscroll_tools.tool import Call, Result

UNFINISHED: Final = "older messages are still being indexed"
BY_WORDS: Final = "the embeddings endpoint did not answer, so only words were compared"
_NAMES_CHARS: Final = 50
"""The maximum length of the names of programs in a warning, in characters."""
_CURSOR_CHARS: Final = 100
"""The assumed length of the index's cursor until the first reply contains one, in characters."""


async def indexed_page(call: Call, search: Search) -> Result:
    """Return a page of hits from the upstream's index.

    Raises:
        ToolError: the upstream's failure or `deadline_exceeded`, if nothing was read yet;
            `invalid_arguments` if the cursor is from a search without an index.
    """
    position = search.start.position
    if position and not position.startswith(INDEX):
        raise invalid_arguments(
            "cursor was created before the upstream had search.", "Search again without cursor."
        )
    filling = _Filling(call, search, BoundedHits(search, call.bounds), position.removeprefix(INDEX))
    stopped_by: StoppedBy = "deadline"
    with anyio.CancelScope(deadline=call.ends_at):
        stopped_by = await filling.run()
    if stopped_by == "deadline" and not filling.has_read:
        raise too_late()
    newest = search.order == "relevance" and filling.matched == "common words"
    return filling.page.result(
        stopped_by=stopped_by,
        position=f"{INDEX}{filling.after}" if filling.has_more else None,
        order="newest" if newest else search.order,
        matched=filling.matched or "any word",
        warnings=(*filling.warnings, in_use(filling.left_out)),
        reachable=filling.reachable,
        semantic=filling.semantic,
    )


def in_use(hits: int) -> str:
    """Return the warning about hits that were left out; empty if none was left out.

    The upstream leaves out hits in sessions that were active recently.
    """
    if not hits:
        return ""
    if hits == 1:
        return "1 hit is left out, because its session is in use (search with thread_id to see it)"
    why = "their sessions are in use (search with thread_id to see them)"
    return f"{hits} hits are left out, because {why}"


def importing(programs: Sequence[str]) -> str:
    """Return the warning about sessions that are not imported yet; empty if all are."""
    if not programs:
        return ""
    names = ", ".join(programs)
    whose = names if len(names) <= _NAMES_CHARS else f"{len(programs)} programs"
    return f"sessions of {whose} are still being imported; search again later"


class _Filling(Struct):
    """A page that is filled with hits from an index.

    Each request asks for as many hits as probably fit. A reply has only one cursor, which continues
    after its last hit, so either all hits of a reply are used or none.

    Attributes:
        call: the call.
        search: the search.
        page: the page.
        after: the index's cursor after the hits on the page; empty at the start of the list.
        has_more: whether more hits follow `after`.
        reachable: whether a later request with `after` can return the hits that follow it.
        matched: which part of the query each hit matches; empty before the first reply.
        semantic: whether all replies say that meanings were compared as well as words; None if no
            reply mentions meanings.
        warnings: the warnings that the page shows.
        left_out: how many hits are left out because their sessions were active recently.
        most: the maximum number of hits to ask for at once.
    """

    call: Call
    search: Search
    page: BoundedHits
    after: str
    has_more: bool = True
    reachable: bool = True
    matched: str = ""
    semantic: bool | None = None
    warnings: dict[str, None] = field(default_factory=dict)
    left_out: int = 0
    most: int = 0

    def __post_init__(self) -> None:
        self.most = self.search.limit
        if self.search.cut:
            self.warnings[QUERY_CUT] = None

    @property
    def has_read(self) -> bool:
        """Whether a reply was added to the page, even one without hits.

        If so, a later failure ends only the page. Otherwise, the whole call fails.
        """
        return bool(self.matched)

    async def run(self) -> StoppedBy:
        """Add hits to the page until it is full, and return why it ends.

        Raises:
            ToolError: the upstream's failure, if nothing was read yet; `invalid_arguments` if the
                page is too small for a single hit.
        """
        while self.has_more:
            count, stopped_by = self._next_count()
            if count <= 0:
                return stopped_by
            try:
                stopped = await self._add(count)
            except ToolError as error:
                if not self.has_read:
                    raise
                if not isinstance(error, TooManyRequestsError):
                    self.warnings[FAILED] = None
                return "requests"
            if stopped is not None:
                return stopped
        return "end"

    def _next_count(self) -> tuple[int, StoppedBy]:
        """Return how many hits to ask for, and why the page ends if that number is not positive."""
        position = f"{INDEX}{self.after or '-' * _CURSOR_CHARS}"
        wanted = self.search.limit - self.page.hits
        if wanted <= 0:
            return 0, "limit"
        fitting = self.page.holds(position) or int(not self.page.passages)
        count = min(self.most, wanted, fitting)
        if count <= 0 or not self.search.context:
            return count, "size"
        left = self.call.bounds.requests - self.call.client.tally.requests - 1
        return min(count, left // REQUESTS), "requests"

    async def _add(self, count: int) -> StoppedBy | None:
        """Ask for `count` hits and add them if all fit.

        Return why the page ends, or None if it does not end.
        """
        client, search = self.call.client, self.search
        reply = await client.send(index_reply.search_request(search, self.after, count))
        passages, warning = index_reply.passages(reply), ""
        if search.context:
            passages, warning = await with_context(client, passages, search.context)
        after = index_reply.next_cursor(reply)
        if not self.page.take_all(joined(passages), f"{INDEX}{after}"):
            if count > 1:
                self.most = count // 2
                return None
            if self.page.passages:
                return "size"
            raise self.page.too_small()
        self._note(reply, warning)
        if after and after == self.after:
            self.warnings[STUCK] = None
            self.reachable = False
            return "requests"
        self.after, self.has_more = after, bool(after)
        return None

    def _note(self, reply: JSON, warning: str) -> None:
        """Record what `reply` says about the search, and add `warning` to the page's warnings."""
        matched = index_reply.matched(reply)
        self.left_out += index_reply.left_out(reply)
        # If the replies for a page differ, choose the value that is true of all hits on the page.
        if self.matched not in {"", matched}:
            matched = "meaning" if "meaning" in {matched, self.matched} else "any word"
        self.matched = matched
        semantic = index_reply.is_semantic(reply)
        self.semantic = semantic if self.semantic is None else self.semantic and bool(semantic)
        found = {
            importing(index_reply.importing(reply)): True,
            UNFINISHED: not index_reply.is_complete(reply),
            QUERY_CUT: index_reply.is_cut(reply),
            BY_WORDS: semantic is False,
            warning: bool(warning),
        }
        self.warnings |= dict.fromkeys(text for text, is_so in found.items() if text and is_so)
