"""docs/performance.md with its plots, and bench/results.json: what `--write` leaves behind."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

import msgspec

from bench.figures import Outcome, Row
from bench.plots import bars
from bench.report import bound, cells, valued

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = Path("docs", "performance.md")
PLOTS: Final = Path("docs", "performance")
RESULTS: Final = Path("bench", "results.json")

_HEAD: Final = """\
# Performance

Measured by `make bench` against what one would use instead; `make bench ARGS=--write` wrote this
page. Each row says below when it was measured, at which commit, and how busy the machine was. Rows
come from machines of different speeds; the latest ones name the processor.
Limits that were changed later are not on this page; `make bench` prints them. What is compared ran
in turn, round by round, on one machine, and a ratio (×) is the median of the rounds' ratios: on
another machine, or a busy one, trust the ratios. A figure is a median, with the quartiles around
it.
"""


def write(
    machine: Mapping[str, str],
    rows: Iterable[Row],
    outcomes: Mapping[str, Outcome],
    root: Path = ROOT,
) -> tuple[Path, ...]:
    """Write the page, its plots and the results, and return where they are.

    Rows that were not measured keep what was written of them before.

    Args:
        machine: what is said of the machine and of what ran on it.
        rows: all rows, in their order on the page.
        outcomes: what was measured, by the names of the rows.
        root: of the repository.
    """
    page, folder, numbers = root / PAGE, root / PLOTS, root / RESULTS
    known = _written(numbers) | dict(outcomes)
    shown = {row: known[row.name] for row in rows if row.name in known}
    for parent in (folder, numbers.parent):
        parent.mkdir(parents=True, exist_ok=True)
    plots = []
    for row, outcome in shown.items():
        if outcome.figures:
            plots.append(folder / f"{row.name}.svg")
            plots[-1].write_text(bars(row.about, outcome.figures), encoding="utf-8")
    lines = [
        _HEAD,
        *_summary(shown),
        *(line for each in shown.items() for line in _section(*each)),
        *("", "## The machine of the last measurement", "", "| | |", "| --- | --- |"),
        *(f"| {name} | {value} |" for name, value in machine.items()),
    ]
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    results = {
        "machine": machine,
        "rows": {row.name: _plain(outcome) for row, outcome in shown.items()},
    }
    numbers.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return (page, *plots, numbers)


def _written(results: Path) -> dict[str, Outcome]:
    """Return what an earlier call of `write` found, by the names of the rows."""
    if not results.exists():
        return {}
    return msgspec.convert(json.loads(results.read_bytes())["rows"], dict[str, Outcome])


def _summary(outcomes: Mapping[Row, Outcome]) -> Iterator[str]:
    """Yield a table of every claim."""
    yield "| row | what | found | promised | |"
    yield "| --- | --- | ---: | ---: | --- |"
    for row, outcome in outcomes.items():
        link = f"[{row.name}](#{row.name})"
        if outcome.failure:
            yield f"| {link} | {row.about} | | | not measured |"
        for claim in outcome.claims:
            held = "" if claim.told else "holds" if claim.holds else "**falls short**"
            yield f"| {link} | {claim.name} | {valued(claim)} | {bound(claim)} | {held} |"


def _section(row: Row, outcome: Outcome) -> Iterator[str]:
    yield from ("", f"## {row.name}", "")
    yield f"{row.about[0].upper()}{row.about[1:]}: `make bench ROW={row.name}`."
    if outcome.taken:
        yield from ("", f"Measured on {outcome.taken}.")
    for note in outcome.notes:
        yield from ("", note)
    if outcome.failure:
        yield from ("", f"Not measured: {outcome.failure}.")
        return
    yield from ("", f"![{row.about}](performance/{row.name}.svg)", "")
    yield "| | median | quartiles | samples |"
    yield "| --- | ---: | ---: | ---: |"
    for found in outcome.figures:
        yield f"| {found.name} | {' | '.join(cells(found))} |"


def _plain(outcome: Outcome) -> dict[str, object]:
    claims = [asdict(claim) | {"holds": claim.holds} for claim in outcome.claims]
    return asdict(outcome) | {"claims": claims}
