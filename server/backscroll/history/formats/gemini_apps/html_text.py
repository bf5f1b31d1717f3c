"""Converts the HTML of an answer to text, with Markdown for lists, headings, code and links."""

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Final

Attributes = Sequence[tuple[str, str | None]]

_SPACE: Final = re.compile(r"[ \t\r\n\f]+")
_BREAKS: Final = {
    **dict.fromkeys(("div", "tr", "li", "article", "figure"), 1),
    **dict.fromkeys(("p", "ul", "ol", "pre", "blockquote", "table", "section"), 2),
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), 2),
}
"""The number of line ends before and after an element. With 2, an empty line separates it."""

_BEFORE: Final = {"code": "`", **{f"h{level}": "#" * level + " " for level in range(1, 7)}}
_INDENTED: Final = 8
"""The maximum nesting of lists that is shown by indentation."""

_UNFINISHED_CHARS: Final = 16_384
"""The maximum number of characters to parse from the first unfinished tag to the end of the HTML.

For each unfinished tag, the parser searches all these characters for the end of the tag, so its
time grows with the square of their number.
"""

_NOT_SHOWN: Final = frozenset({"script", "style", "template", "noscript"})


class HtmlText:
    """Builds text from the events of an HTML parser."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._breaks = 0  # line ends before the next piece
        self._lists: list[int] = []  # for each open list, the last item's number; -1 for bullets
        self._at_item = False  # whether the last piece is the bullet or number of a list item
        self._link = ""
        self._link_from = 0
        self._in_pre = 0
        self._not_shown = 0

    def start(self, tag: str, attributes: Attributes) -> None:
        """Apply a start tag, whose name is in lower case."""
        self._break(tag)
        if tag in _NOT_SHOWN:
            self._not_shown += 1
        elif tag == "br":
            self._breaks = min(self._breaks + 1, 2)
        elif tag in {"ul", "ol"}:
            self._lists.append(0 if tag == "ol" else -1)
        elif tag == "li":
            self._item()
        elif tag == "pre":
            self._add("```\n")
            self._in_pre += 1
        elif tag == "img":
            self._add(dict(attributes).get("alt") or "")
        elif tag == "a":
            self._add("")
            self._link, self._link_from = dict(attributes).get("href") or "", len(self._pieces)
        elif tag in {"td", "th"}:
            self._add("| " if self._breaks else " | ")
        elif tag in _BEFORE and not self._in_pre:
            self._add(_BEFORE[tag])

    def end(self, tag: str) -> None:
        """Apply an end tag, whose name is in lower case."""
        if tag in _NOT_SHOWN:
            self._not_shown = max(0, self._not_shown - 1)
        elif tag == "pre" and self._in_pre:
            self._in_pre -= 1
            self._pieces.append("```" if self._pieces[-1].endswith("\n") else "\n```")
        elif tag == "code" and not self._in_pre:
            self._add("`")
        elif tag == "a":
            self._end_link()
        if tag in {"ul", "ol"} and self._lists:
            self._lists.pop()
        self._at_item = False
        self._break(tag)

    def data(self, text: str) -> None:
        """Add the text between two tags."""
        if self._not_shown:
            return
        if self._in_pre:
            self._pieces.append(text)
            return
        text = _SPACE.sub(" ", text)
        if self._breaks or not self._pieces or self._at_item:
            text = text.lstrip(" ")
        if text:
            self._add(text)

    def text(self) -> str:
        """Return the text."""
        return "".join(self._pieces).strip()

    def _add(self, piece: str) -> None:
        if self._breaks and self._pieces:
            self._pieces[-1] = self._pieces[-1].rstrip(" ")
            self._pieces.append("\n" * self._breaks)
        self._breaks = 0
        self._at_item = False
        self._pieces.append(piece)

    def _break(self, tag: str) -> None:
        """Add line ends, except before the first element of a list item."""
        breaks = _BREAKS.get(tag, 0)
        if tag in {"ul", "ol"} and self._lists:
            breaks = 1
        if not self._at_item and not self._in_pre:
            self._breaks = max(self._breaks, breaks)

    def _item(self) -> None:
        mark = "- "
        if self._lists and self._lists[-1] >= 0:
            self._lists[-1] += 1
            mark = f"{self._lists[-1]}. "
        self._add("  " * (min(len(self._lists), _INDENTED) - 1) + mark)
        self._at_item = True

    def _end_link(self) -> None:
        if self._link.startswith(("http://", "https://")):
            shown = "".join(self._pieces[self._link_from :])
            if self._link != shown.strip():
                self._pieces[self._link_from :] = [f"[{shown}]({self._link})"]
        self._link = ""


class LenientParser(HTMLParser):
    """A parser that never fails, and whose time is proportional to the size of the HTML."""

    def finish(self) -> None:
        """Parse the rest of the HTML: an unfinished tag, and all that follows it.

        If the rest has more than `_UNFINISHED_CHARS` characters, it becomes text as it is.
        """
        if len(self.rawdata) <= _UNFINISHED_CHARS:
            self.close()
        else:
            self.handle_data(self.rawdata)

    def parse_marked_section(self, i: int, report: bool = True) -> int:  # noqa: FBT001, FBT002 - as the base class has it
        """Read `<![…` like a comment, where the base class raises an error."""
        return self.parse_bogus_comment(i, report)


def text_of_html(html: str) -> str:
    """Return the text of HTML."""
    parser = _Parser()
    parser.feed(html)
    parser.finish()
    return parser.built.text()


class _Parser(LenientParser):
    def __init__(self) -> None:
        super().__init__()
        self.built = HtmlText()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.built.start(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self.built.end(tag)

    def handle_data(self, data: str) -> None:
        self.built.data(data)
