"""Reads the HTML of Google's My Activity, one activity at a time.

Each activity is a `div` of the class `outer-cell`. In it, a `header-cell` names the product, and
the first `content-cell` has what the user did, a line with the time, and the answer.
"""

import codecs
from collections.abc import Iterator
from typing import BinaryIO, Final, Literal

from backscroll.history.formats.gemini_apps.activity import Activity
from backscroll.history.formats.gemini_apps.html_text import HtmlText, LenientParser
from backscroll.history.formats.gemini_apps.times import is_time, unix_seconds_of

_BLOCK_BYTES: Final = 256 * 1024
_PENDING_CHARS: Final = 4 * 1024 * 1024
"""The maximum length of a tag or comment, in characters. A page is not read past a longer tag."""

_NONE: Final[frozenset[str]] = frozenset()
_OTHER_CELLS: Final = frozenset({"mdl-typography--caption", "mdl-typography--text-right"})
_ENDS_LINE: Final = frozenset({"br", "p", "div", "ul", "ol", "pre", "table", "blockquote"})


def activities(stream: BinaryIO) -> Iterator[Activity]:
    """Yield the activities of a page, in its order."""
    page = _Page()
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    while block := stream.read(_BLOCK_BYTES):
        page.feed(decode(block))
        yield from page.take()
        if len(page.rawdata) > _PENDING_CHARS:
            break
    page.finish()
    page.end_cell()
    yield from page.take()


class _Cell:
    """The `outer-cell` that is being read, which is one activity."""

    def __init__(self) -> None:
        self.within: Literal["header", "content", ""] = ""
        self.depth = 0  # the number of open `div` elements in the header or content cell
        self.product: list[str] = []
        self.lines: list[str] = []
        self.line: list[str] = []
        self.time = ""
        self.answer = HtmlText()

    def end_line(self) -> None:
        """End a line of the content cell, which has the time or a part of what the user did."""
        line, self.line = "".join(self.line).strip(), []
        if is_time(line):
            self.time = line
        elif line:
            self.lines.append(line)

    def activity(self) -> Activity:
        """Return the activity."""
        self.end_line()
        product, answer = "".join(self.product).strip(), self.answer.text()
        return Activity(product, self.lines, answer, unix_seconds_of(self.time), self.time)


class _Page(LenientParser):
    def __init__(self) -> None:
        super().__init__()
        self._found: list[Activity] = []
        self._cell: _Cell | None = None

    def take(self) -> list[Activity]:
        """Return the activities that ended since the last call."""
        found, self._found = self._found, []
        return found

    def end_cell(self) -> None:
        """End the current activity."""
        if self._cell is not None:
            self._found.append(self._cell.activity())
        self._cell = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an activity or one of its cells, or add a tag to the current cell."""
        names = frozenset((dict(attrs).get("class") or "").split()) if tag == "div" else _NONE
        cell = self._cell
        if "outer-cell" in names:
            self.end_cell()
            self._cell = _Cell()
        elif cell is None:
            return
        elif "header-cell" in names:
            cell.within, cell.depth = "header", 0
        elif "content-cell" in names:
            is_other = cell.lines or cell.time or names & _OTHER_CELLS
            cell.within, cell.depth = "" if is_other else "content", 0
        else:
            cell.depth += tag == "div"
            if cell.within == "content" and cell.time:
                cell.answer.start(tag, attrs)
            elif cell.within == "content" and tag in _ENDS_LINE:
                cell.end_line()

    def handle_endtag(self, tag: str) -> None:
        """End the current cell, or add an end tag to it."""
        cell = self._cell
        if cell is None:
            return
        cell.depth -= tag == "div"
        if cell.within == "content" and not cell.time and tag in _ENDS_LINE:
            cell.end_line()
        if cell.depth < 0:
            cell.within = ""
        elif cell.within == "content" and cell.time:
            cell.answer.end(tag)

    def handle_data(self, data: str) -> None:
        """Add to the text of the product's name, of what the user did, or of the answer."""
        cell = self._cell
        if cell is None or not cell.within:
            return
        if cell.within == "header":
            cell.product.append(data)
        elif cell.time:
            cell.answer.data(data)
        else:
            cell.line.append(data)
