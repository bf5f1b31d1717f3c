"""Shows the progress of a long command as a bar, if stderr is a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int], None]
Begin = Callable[[str, int | None], Advance]


@contextmanager
def progress(name: str, total: int | None) -> Iterator[Advance]:
    """Show a progress bar while the `with` block runs.

    Args:
        name: the label next to the bar.
        total: the amount of work, in any unit; None if unknown.

    Yields:
        A function that takes the amount of work done since the last call.
    """
    with one_after_another() as begin:
        yield begin(name, total)


@contextmanager
def one_after_another() -> Iterator[Begin]:
    """Show one progress bar for many pieces of work, such as thousands of files.

    Yields:
        A function that begins the next piece. It takes the arguments of `progress`, and returns
        the function that `progress` yields.
    """
    if not sys.stderr.isatty():
        yield lambda _name, _total: lambda _amount: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(show_speed=True),
    )
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("")

        def begin(name: str, total: int | None) -> Advance:
            bar.reset(task, total=total, description=name)
            return lambda amount: bar.advance(task, amount)

        yield begin
