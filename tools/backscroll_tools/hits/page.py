"""Builds pages of hits that never exceed a size in characters. A page ends only between hits."""

from typing import Final

from msgspec.structs import replace

from backscroll_tools.errors import ToolError
from backscroll_tools.hits.passages import CONTEXT_CHARS, EXCERPT_CHARS, Passage, fitted
from backscroll_tools.hits.search import Search
from backscroll_tools.hits.transcript import (
    cost,
    heading,
    hit_of,
    lines,
    match_mark,
    texts_of,
)
from backscroll_tools.models import JSON, HitsPage, StoppedBy
from backscroll_tools.pages.cursor import KEY_CHARS, encode
from backscroll_tools.pages.stop import join_warnings
from backscroll_tools.render import MARK_CHARS, compact, marked, unused_prefix
from backscroll_tools.tool import Bounds, Result

UNREACHABLE: Final = "the next page's cursor would be too long; make the search narrower"
_WARNING_CHARS: Final = 120
"""How many characters a page reserves for a warning."""
_AROUND: Final = 200
"""The usual total length of a hit's ids, title and time, in characters."""


class BoundedHits:
    """A page that accepts passages until it is full.

    Args:
        search: the search.
        bounds: the call's limits. Only two are used: `result_chars` is the maximum length of the
            result, and `output` decides which parts of the result are counted.
    """

    def __init__(self, search: Search, bounds: Bounds) -> None:
        self._search = search
        self._bounds = bounds
        self._text = bounds.output != "structured"
        self._structured = bounds.output != "text"
        self._used = 0
        self.passages: list[Passage] = []

    @property
    def hits(self) -> int:
        """The number of hits on the page. A passage may contain several hits."""
        return sum(len(passage.ids) for passage in self.passages)

    def holds(self, position: str) -> int:
        """Return how many more hits probably fit if the page's cursor names `position`."""
        forms = self._text + self._structured
        each = _AROUND + EXCERPT_CHARS + 2 * self._search.context * CONTEXT_CHARS
        return max(self._room(position) // (forms * each), 0)

    def take(self, passage: Passage, position: str) -> bool:
        """Add a passage if it fits, and return whether it did.

        Args:
            passage: the passage.
            position: the start of the next page if this page ends with the passage.
        """
        size = self._cost(passage)
        if size > self._room(position):
            return False
        self._used += size
        self.passages.append(passage)
        return True

    def take_all(self, passages: list[Passage], position: str) -> bool:
        """Add all passages, shortened if necessary, or add none. Return whether they were added."""
        before = len(self.passages), self._used
        for number, passage in enumerate(passages):
            share = self._room(position) // (len(passages) - number)
            for shown in (passage, *passage.smaller()):
                size = self._cost(shown)
                if size <= share:
                    self._used += size
                    self.passages.append(shown)
                    break
            else:
                del self.passages[before[0] :]
                self._used = before[1]
                return False
        return True

    def result(  # noqa: PLR0913 - the fields of `HitsPage`
        self,
        *,
        stopped_by: StoppedBy,
        position: str | None,
        order: str,
        matched: str,
        semantic: bool | None = None,
        scanned: int | None = None,
        warnings: tuple[str, ...] = (),
        reachable: bool = True,
        ignores_after: bool = False,
    ) -> Result:
        """Return the page as a tool's result.

        Args:
            stopped_by: the reason why the page ends.
            position: the start of the next page; None if there is no next page.
            order: the order of the hits.
            matched: which part of the query each hit matches; see `HitsPage`.
            semantic: whether the upstream compared meanings as well as words; None if it never
                compares meanings in such a search; see `HitsPage`.
            scanned: the number of messages that were compared with the query; None if an index
                found the hits.
            warnings: the warnings for the agent, the most important first. A warning that does not
                fit is left out.
            reachable: whether a cursor can reach the next page.
            ignores_after: whether the upstream ignores `after`.

        Raises:
            ToolError: `invalid_arguments` if the limit is too small even for an empty page.
        """
        page = HitsPage(
            returned=len(self.passages),
            has_more=position is not None,
            next_cursor=None,
            stopped_by=stopped_by,
            order=order,
            matched=matched,
        )
        if position is not None and reachable and len(position) <= KEY_CHARS:
            start = replace(self._search.start, position=position, ignores_after=ignores_after)
            page["next_cursor"] = encode(start)
        elif position is not None and reachable:
            warnings = (UNREACHABLE, *warnings)
        if semantic is not None:
            page["semantic"] = semantic
        if scanned is not None:
            page["scanned"] = scanned
        self.passages = fitted(self.passages, self._search.query)
        texts = texts_of(self.passages)
        prefix = unused_prefix(texts)
        mark = match_mark(texts, prefix)
        if any(each.spans for passage in self.passages for each in passage.messages):
            page["mark"] = mark
        for warning in filter(None, warnings):
            longer = page.copy()
            longer["warning"] = join_warnings(page.get("warning", ""), warning)
            if self._used + self._framed(prefix, longer) <= self._bounds.result_chars:
                page = longer
        if not self.passages and self._framed(prefix, page) > self._bounds.result_chars:
            raise self.too_small()
        above: list[Passage | None] = [None, *self.passages]
        unmarked = [
            line
            for passage, over in zip(self.passages, above, strict=False)
            for line in lines(passage, mark, over, single=bool(self._search.thread_id))
        ]
        text = heading(prefix, page) + marked(prefix, unmarked)
        hits = [hit_of(passage, mark) for passage in self.passages]
        return Result(text, {"page": page, "hits": hits})

    def too_small(self) -> ToolError:
        """Return the error for a limit that is too small for a single hit."""
        return ToolError(
            "invalid_arguments",
            f"A hit does not fit into a result of {self._bounds.result_chars} characters.",
            next_step="Use a shorter query, or ask the operator to raise BACKSCROLL_RESULT_CHARS.",
        )

    def _cost(self, passage: Passage) -> int:
        return cost(
            passage,
            text=self._text,
            structured=self._structured,
            single=bool(self._search.thread_id),
        )

    def _room(self, position: str) -> int:
        """Return how many more characters fit if the page's cursor names `position`."""
        page = HitsPage(
            returned=99,
            has_more=True,
            next_cursor=encode(replace(self._search.start, position=position)),
            stopped_by="requests",
            order="relevance",
            matched="common words",
            mark="#" * MARK_CHARS,
            semantic=False,
            scanned=999_999,
            warning="w" * _WARNING_CHARS,
        )
        return self._bounds.result_chars - self._used - self._framed("#" * MARK_CHARS, page)

    def _framed(self, prefix: str, page: HitsPage) -> int:
        """Return the length of a result without its hits, in characters."""
        structured: JSON = {"page": page, "hits": []}
        return len(heading(prefix, page)) * self._text + (
            len(compact(structured)) if self._structured else 0
        )
