"""`python -m manifests.picture`: draw docs/session.svg from the demonstration's output."""

import asyncio
import io
import re
import sys
from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from backscroll.commands.demo import show
from backscroll.commands.demo.cast import Cast
from manifests.description import ROOT

PICTURE: Final = ROOT / "docs" / "session.svg"
SCENES: Final = (1, 4, 5)
"""The scenes to draw: a history is brought in, and searched, and the answer is read in context."""

_WIDTH: Final = 84
_TITLE: Final = re.compile(r"(\d+)\. ")
_FONTS: Final = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


def played(cast: Cast | None = None) -> str:
    """Return what the demonstration prints to a terminal, with colours.

    Args:
        cast: its conversations; by default those of `backscroll demo`.

    Raises:
        RuntimeError: one of its checks fails.
    """
    file = io.StringIO()
    console = Console(
        file=file, width=_WIDTH, force_terminal=True, color_system="standard", highlight=False
    )
    if asyncio.run(show.run(console, cast)):
        raise RuntimeError("the demonstration fails: see `backscroll demo`")
    return file.getvalue()


def drawn(printed: str) -> str:
    """Return the chosen scenes as a picture."""
    console = Console(
        file=io.StringIO(), width=_WIDTH, record=True, force_terminal=True, highlight=False
    )
    console.print(Text("$ backscroll demo", "bold"))
    for line in _chosen(printed):
        console.print(line, no_wrap=True, crop=True)
    svg = console.export_svg(title="backscroll demo", theme=MONOKAI, unique_id="session")
    return _FONTS.sub("", svg)  # an SVG in a page cannot load fonts, so the reader's own are used


def _chosen(printed: str) -> Iterator[Text]:
    drawing = False
    for raw in printed.splitlines():
        line = Text.from_ansi(raw)
        if title := _TITLE.match(line.plain):
            drawing = int(title[1]) in SCENES
        if line.plain.startswith("All "):
            drawing = True
            yield Text()
        if drawing and line.plain:
            if title:
                yield Text()
            yield line
        if line.plain.startswith("All "):
            return


def main() -> int:
    """Draw the picture."""
    PICTURE.write_text(drawn(played()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
