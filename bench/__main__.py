"""`python -m bench`: measure, and say how the figures came about."""

import sys
from collections.abc import Iterator

import click
from rich.console import Console
from rich.progress import Progress

from bench import machine, report
from bench.figures import Outcome, Row
from bench.rows import ROWS


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("rows", nargs=-1, metavar="[ROW]...", type=click.Choice(list(ROWS)))
@click.option("--list", "listing", is_flag=True, help="Say what can be measured.")
@click.option(
    "--write", is_flag=True, help="Also write docs/performance.md and bench/results.json."
)
def main(rows: tuple[str, ...], *, listing: bool, write: bool) -> None:
    r"""Measure ROWs, or everything; exit code 1 says that a ratio is out of its bounds.

    \b
    python -m bench --list
    python -m bench page-depth
    python -m bench --write
    """
    if listing:
        for row in ROWS.values():
            click.echo(f"{row.name:12} {row.about}")
        return
    if write and rows:
        raise click.UsageError("--write wants every row: leave the rows out.")
    console, described = Console(), machine.describe()
    for name, value in described.items():
        console.print(f"[dim]{name}: {value}[/dim]", highlight=False)
    outcomes: dict[Row, Outcome] = {}
    for row in (ROWS[name] for name in rows or ROWS):
        outcomes[row] = _measured(row)
        report.show(console, row, outcomes[row])
    if write:
        for path in report.write(described, outcomes):
            console.print(f"wrote {path.relative_to(report.ROOT)}")
    sys.exit(not all(each.holds for outcome in outcomes.values() for each in outcome.ratios))


def _measured(row: Row) -> Outcome:
    """Measure a row, with a progress bar on stderr where that is a terminal."""
    with Progress(console=Console(stderr=True), transient=True) as progress:

        def track(total: int, what: str) -> Iterator[int]:
            yield from progress.track(range(total), description=f"{row.name}: {what}")

        return row.measure(track)


if __name__ == "__main__":
    main()
