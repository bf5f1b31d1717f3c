"""`python -m bench`: measure, and say how the figures came about."""

import sys
from collections.abc import Iterator
from dataclasses import replace

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import machine, page, report
from bench.figures import Outcome, Row, UnmeasuredError
from bench.rows import ROWS
from bench.trial import Scale, Trial


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("rows", nargs=-1, metavar="[ROW]...", type=click.Choice(list(ROWS)))
@click.option("--list", "listing", is_flag=True, help="Say what can be measured.")
@click.option("--quick", "scale", flag_value="quick", help="Only to see that it runs.")
@click.option("--long", "scale", flag_value="long", help="Walk and call as often as can be.")
@click.option(
    "--megabytes",
    type=click.IntRange(min=1),
    help="The size of the session logs that the row `sync` reads.",
)
@click.option(
    "--messages",
    type=click.IntRange(min=1),
    help="How many messages the large store of the rows `growth` and `growth-postgres` has.",
)
@click.option(
    "--write",
    is_flag=True,
    help="Also write docs/performance.md, with its plots, and bench/results.json. Rows that are "
    "not measured keep their figures.",
)
def main(  # noqa: PLR0913 - the options of the command
    rows: tuple[str, ...],
    *,
    listing: bool,
    scale: Scale | None,
    megabytes: int | None,
    messages: int | None,
    write: bool,
) -> None:
    r"""Measure ROWs, or everything; exit code 1 says that something falls short.

    \b
    make bench
    make bench ROW=start
    make bench ROW="walk memory" ARGS=--long
    make bench ROW=sync ARGS="--megabytes 1000"
    make bench ROW=growth ARGS="--messages 10000000"
    make bench ARGS=--write
    make bench ROW=start ARGS=--write
    """
    if listing:
        for row in ROWS.values():
            click.echo(f"{row.name:15} {row.about}")
        return
    if write and scale == "quick":
        raise click.UsageError("--write records figures, and --quick has none: leave one out.")
    console, described = Console(), machine.describe()
    for name, value in described.items():
        console.print(f"[dim]{name}: {value}[/dim]", highlight=False)
    outcomes: dict[Row, Outcome] = {}
    with _progress() as progress:
        for row in progress.track([ROWS[name] for name in rows or ROWS], description="rows"):
            taken = machine.now()
            outcome = _measured(row, progress, scale or "usual", (megabytes, messages))
            outcomes[row] = replace(outcome, taken=taken)
            report.show(console, row, outcomes[row])
    if write:
        measured = {row.name: outcome for row, outcome in outcomes.items()}
        for path in page.write(described, ROWS.values(), measured):
            console.print(f"wrote {path.relative_to(page.ROOT)}")
    sys.exit(not all(outcome.holds for outcome in outcomes.values()))


def _progress() -> Progress:
    """Return progress bars on stderr, where that is a terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _measured(
    row: Row, progress: Progress, scale: Scale, sizes: tuple[int | None, int | None]
) -> Outcome:
    """Measure a row; one that fails says so, and costs no other its figures."""

    def track(total: int, what: str) -> Iterator[int]:
        task = progress.add_task(f"{row.name}: {what}", total=total)
        yield from progress.track(range(total), task_id=task)
        progress.remove_task(task)

    try:
        return row.measure(Trial(track, scale, *sizes))
    except UnmeasuredError as error:
        return Outcome(failure=str(error))
    except Exception as error:  # noqa: BLE001 - the outermost boundary of a row: the others go on
        return Outcome(failure=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
