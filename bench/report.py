"""Outcomes as people read them at a terminal, and the words that docs/performance.md shares."""

from rich.console import Console
from rich.table import Table

from bench.figures import Claim, Figure, Outcome, Row


def show(console: Console, row: Row, outcome: Outcome) -> None:
    """Print what a row found out."""
    table = Table(title=f"{row.name}: {row.about}", title_justify="left", title_style="bold")
    for heading in ("", "median", "quartiles", "samples"):
        table.add_column(heading, justify="right" if heading else "left")
    for found in outcome.figures:
        table.add_row(found.name, *cells(found))
    table.add_section()
    for claim in outcome.claims:
        style = "green" if claim.holds else "bold red"
        table.add_row(claim.name, valued(claim), verdict(claim), "", style=style)
    console.print(table)
    for note in outcome.notes:
        console.print(note, style="dim", highlight=False)
    if outcome.failure:
        console.print(f"{row.name} was not measured: {outcome.failure}", style="bold red")


def cells(found: Figure) -> tuple[str, str, str]:
    """Return a figure's median, quartiles and number of samples as text."""
    return (
        f"{number(found.median)} {found.unit}",
        f"{number(found.low)} – {number(found.high)}",
        f"{found.count}",
    )


def valued(claim: Claim) -> str:
    """Return what was found of a claim, with its unit."""
    return (
        f"× {number(claim.value)}" if claim.unit == "×" else f"{number(claim.value)} {claim.unit}"
    )


def bound(claim: Claim) -> str:
    """Return what a claim promises, such as `≤ 0.50`."""
    limits = (("≥", claim.least), ("≤", claim.most))
    return ", ".join(f"{sign} {limit:,.7g}" for sign, limit in limits if limit is not None)


def verdict(claim: Claim) -> str:
    """Return what a claim promises, and whether it holds; nothing where it is only told."""
    if claim.told:
        return ""
    return f"{bound(claim)} {'holds' if claim.holds else 'FALLS SHORT'}"


def number(value: float) -> str:
    """Return a number with as many digits as mean something."""
    if not value:
        return "0"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 0.1 else f"{value:.3f}"
