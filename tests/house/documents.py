"""The documents in the form that readers see: headings, links, fenced blocks and code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = tuple(
    sorted(
        [
            *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
            *(ROOT / "docs").glob("*.md"),
            *(ROOT / "manifests").rglob("*.md"),
        ]
    )
)
_FENCE: Final = re.compile(r"^ *(`{3,})(\w*)\n(.*?)^ *\1$", re.DOTALL | re.MULTILINE)
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_IMAGE: Final = re.compile(r'<img [^>]*src="([^"]+)"')
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
_CODE: Final = re.compile(r"`([^`]+)`")
_CONTINUED: Final = re.compile(r"\\\n\s*")


@dataclass(frozen=True, slots=True)
class Document:
    """A document and its contents."""

    path: Path

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        """The whole text."""
        return self.path.read_text("utf-8")

    @property
    def prose(self) -> str:
        """The text outside of fenced blocks."""
        return _FENCE.sub("", self.text)

    def links(self) -> list[str]:
        """Return the targets of links and pictures."""
        return [*_LINK.findall(self.prose), *_IMAGE.findall(self.prose)]

    def anchors(self) -> set[str]:
        """Return the names of headings, as GitHub makes them."""
        return {_anchor(heading) for heading in _HEADING.findall(self.prose)}

    def code(self) -> list[str]:
        """Return the text between backticks in sentences."""
        return [" ".join(code.split()) for code in _CODE.findall(self.prose)]

    def defaults(self) -> Iterator[tuple[str, str]]:
        """Yield the first cell of each row in tables with a column `default`, and its default."""
        at = -1
        for line in self.prose.splitlines():
            cells = [cell.strip().strip("`") for cell in line.strip("|").split(" | ")]
            if not line.startswith("|"):
                at = -1
            elif "default" in cells:
                at = cells.index("default")
            elif at >= 0 and cells[0] != "---":
                yield cells[0], cells[at]

    def shell(self) -> Iterator[str]:
        """Yield each command line in fenced blocks for a shell.

        Comments are kept, so that a test of the command fails: zsh passes a comment that is
        pasted to the command, as arguments.
        """
        for _, language, block in _FENCE.findall(self.text):
            if language == "sh":
                yield from filter(None, map(str.strip, _CONTINUED.sub("", block).splitlines()))


def every() -> tuple[Document, ...]:
    """Return every document."""
    return tuple(map(Document, DOCUMENTS))


def _anchor(heading: str) -> str:
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", plain).strip().lower().replace(" ", "-")
