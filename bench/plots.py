"""Figures as bars, in SVG that follows the reader's light or dark scheme."""

from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import Final

from bench.figures import Figure
from bench.report import number

WIDTH: Final = 760
_LEFT: Final = 8
_BARS: Final = 620
_STEP: Final = 42
_BAR: Final = 16
_GAP: Final = 14

_STYLE: Final = """\
text { font: 13px system-ui, sans-serif; fill: #24292f }
.value { font-weight: 600 }
.bar { fill: #b6bec8 }
.ours { fill: #1f6feb }
.spread { stroke: #24292f; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .bar { fill: #59636e }
  .ours { fill: #4493f8 }
  .spread { stroke: #e6edf3 }
}"""


def bars(title: str, figures: Sequence[Figure]) -> str:
    """Return an SVG of a bar for each median, with its quartiles as a line; a scale a unit.

    Args:
        title: for whoever cannot see it.
        figures: of at least one; those whose names begin with `Backscroll` stand out.
    """
    parts: list[str] = []
    top = 0
    for _, same in groupby(figures, lambda found: found.unit):
        panel = list(same)
        most = max(found.high for found in panel) or 1.0
        for found in panel:
            parts += _bar(found, top, _BARS / most)
            top += _STEP
        top += _GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" '
        f'height="{top}" role="img">\n<title>{escape(title)}</title>\n<style>\n{_STYLE}\n</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _bar(found: Figure, top: int, scale: float) -> list[str]:
    kind = "bar ours" if found.name.startswith("Backscroll") else "bar"
    median, low, high = (value * scale for value in (found.median, found.low, found.high))
    width = max(median, 1)
    base, middle = top + 20, top + 20 + _BAR / 2
    value = f"{number(found.median)} {escape(found.unit)}"
    return [
        f'<text x="{_LEFT}" y="{top + 14}">{escape(found.name)}</text>',
        f'<path class="{kind}" d="M{_LEFT} {base}h{width:.1f}v{_BAR}h-{width:.1f}z"/>',
        f'<path class="spread" d="M{_LEFT + low:.1f} {middle}H{_LEFT + high:.1f}"/>',
        f'<text class="value" x="{_LEFT + high + 6:.1f}" y="{base + 13}">{value}</text>',
    ]
