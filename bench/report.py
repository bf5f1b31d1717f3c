"""Outcomes as people read them: at a terminal, and in docs/performance.md."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.figures import Figure, Outcome, Ratio, Row

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "performance.md"
RESULTS: Final = ROOT / "bench" / "results.json"

_HEAD: Final = """\
# Performance

Measured by `make bench`; `python -m bench --write` wrote this page. A figure is a median, with the
quartiles around it. What is compared was run in turn, round by round, and a ratio is the median of
the rounds' ratios: on another machine, or a busy one, trust the ratios.
"""


def show(console: Console, row: Row, outcome: Outcome) -> None:
    """Print what a row found out."""
    table = Table(title=f"{row.name}: {row.about}", title_justify="left")
    for heading in ("", "median", "quartiles", "samples"):
        table.add_column(heading, justify="right" if heading else "left")
    for found in outcome.figures:
        table.add_row(found.name, *_cells(found))
    for ratio in outcome.ratios:
        style = "green" if ratio.holds else "bold red"
        table.add_row(ratio.name, f"× {ratio.value:.2f}", _bounds(ratio), "", style=style)
    console.print(table)


def write(machine: Mapping[str, str], outcomes: Mapping[Row, Outcome]) -> tuple[Path, Path]:
    """Write docs/performance.md and bench/results.json, and return where they are."""
    lines = [_HEAD, "| machine | |", "| --- | --- |"]
    lines += [f"| {name} | {value} |" for name, value in machine.items()]
    for row, outcome in outcomes.items():
        lines += [
            "",
            f"## {row.name}",
            "",
            f"{row.about.capitalize()}: `python -m bench {row.name}`.",
        ]
        lines += ["", "| | median | quartiles | samples |", "| --- | ---: | ---: | ---: |"]
        lines += [f"| {each.name} | {' | '.join(_cells(each))} |" for each in outcome.figures]
        lines += [
            f"| {each.name} | × {each.value:.2f} | {_bounds(each)} | |" for each in outcome.ratios
        ]
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    results = {
        "machine": machine,
        "rows": {row.name: asdict(each) for row, each in outcomes.items()},
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return PAGE, RESULTS


def _cells(each: Figure) -> tuple[str, str, str]:
    return (
        f"{each.median:.2f} {each.unit}",
        f"{each.low:.2f} – {each.high:.2f}",
        f"{each.count}",
    )


def _bounds(each: Ratio) -> str:
    if each.bounds is None:
        return ""
    return f"{'within' if each.holds else 'NOT within'} {each.bounds[0]} – {each.bounds[1]}"
