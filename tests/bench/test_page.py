import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import page
from bench.figures import Claim, Figure, Outcome, Row, Taken
from bench.plots import bars
from bench.report import number

FIGURES = (
    Figure("Backscroll", "ms", 40, 38, 44, 10),
    Figure("npm's <SDK>", "ms", 400, 390, 420, 10),
    Figure("memory", "MiB", 0, 0, 0, 2),
)
OUTCOME = Outcome(
    FIGURES,
    (
        Claim("Backscroll by npm's", 0.1, most=1),
        Claim("growth", 7, most=5, unit="MiB"),
        Claim("only told", 0.5),
    ),
    ("A sample.",),
    taken=Taken("2026-11-22", "7663fde7a", "0.1 0.2 0.3", "EPYC"),
)
MISSING = Outcome(failure="the peer is missing")
ROWS = (
    Row("start", "until tools are listed", lambda _: OUTCOME),
    Row("walk", "every message", lambda _: MISSING),
)


def test_a_plot_has_a_bar_for_each_figure_and_scales_each_unit_by_itself() -> None:
    plot = ET.fromstring(bars("start & end", FIGURES))  # noqa: S314 - our own
    texts = [element.text for element in plot.findall("{*}text")]
    widths = [
        element.attrib["d"].partition("h")[2].partition("v")[0]
        for element in plot.findall("{*}path")
        if element.attrib["class"].startswith("bar")
    ]

    assert plot.findtext("{*}title") == "start & end"
    assert texts == ["Backscroll", "40.0 ms", "npm's <SDK>", "400 ms", "memory", "0 MiB"]
    assert widths == ["59.0", "590.5", "1.0"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0123, "0.012"), (0.456, "0.46"), (-2.5, "-2.50"), (12.34, "12.3"), (12_345.6, "12,346")],
)
def test_a_number_has_the_digits_that_mean_something(value: float, text: str) -> None:
    assert number(value) == text


def test_the_page_tells_what_holds_and_what_falls_short(tmp_path: Path) -> None:
    written = page.write({"Python": "3.11.2"}, ROWS, {"start": OUTCOME, "walk": MISSING}, tmp_path)

    names = ("docs/performance.md", "docs/performance/start.svg", "bench/results.json")
    assert written == tuple(tmp_path / name for name in names)
    lines = written[0].read_text().splitlines()
    assert [line for line in lines if line.startswith("| [")] == [
        "| [start](#start) | Backscroll by npm's | × 0.10 | ≤ 1 | holds |",
        "| [start](#start) | growth | 7.00 MiB | ≤ 5 | **falls short** |",
        "| [start](#start) | only told | × 0.50 |  |  |",
        "| [walk](#walk) | every message | | | not measured |",
    ]
    told = "Measured on 2026-11-22, at commit 7663fde7a, on EPYC, load 0.1 0.2 0.3."
    assert {"A sample.", "Not measured: the peer is missing.", told} <= {*lines}
    results = json.loads(written[2].read_text())
    assert results["machine"] == {"Python": "3.11.2"}
    assert [claim["holds"] for claim in results["rows"]["start"]["claims"]] == [True, False, True]
    assert results["rows"]["walk"]["failure"] == "the peer is missing"


def test_rows_that_are_not_measured_again_keep_their_figures(tmp_path: Path) -> None:
    page.write({"Python": "3.11.2"}, ROWS, {"start": OUTCOME, "walk": MISSING}, tmp_path)
    before = (tmp_path / page.PAGE).read_text()
    later = Taken("2026-11-23", "4f49bae3d", "0.0 0.0 0.0")
    page.write({"Python": "3.11.2"}, ROWS, {"walk": replace(OUTCOME, taken=later)}, tmp_path)

    lines = (tmp_path / page.PAGE).read_text().splitlines()
    start, walk = lines.index("## start"), lines.index("## walk")
    assert "\n".join(lines[start:walk]) in before
    assert f"Measured on {later}." in lines[walk:]
    assert [line.split(" | ")[0] for line in lines if line.startswith("| [")] == [
        *["| [start](#start)"] * 3,
        *["| [walk](#walk)"] * 3,
    ]
