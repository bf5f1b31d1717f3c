"""Shows a change to a host's configuration, asks the user, and makes the change."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from backscroll.commands.connect.change import Change
from backscroll.commands.connect.running import Run
from backscroll.process.exits import CommandError
from backscroll_tools.plain import plain

_COLORS: Final = {"+": "green", "-": "red", "@": "cyan"}


def run_or_edit(run: Run | str, edit: Callable[[], Change], *, yes: bool) -> None:
    """Run the host's own command, or edit the file if the command cannot be used or fails.

    Args:
        run: the host's command, or the reason why it cannot be used.
        edit: returns the change to the file, computed from its current text.
        yes: whether to proceed without asking.

    Raises:
        click.Abort: the user declined.
        CommandError: the file cannot be edited.
    """
    if isinstance(run, str):
        if run:
            click.echo(f"Editing the file, because {plain(run)}.")
        apply(edit(), yes=yes)
        return
    click.echo(f"{run.host.title} has its own command for this:\n\n{plain(run.shown())}")
    if not yes:
        _confirm("\nRun it?", run.path)
    try:
        run.execute()
    except CommandError as error:
        click.echo(f"backscroll: {error}", err=True)
        click.echo("Editing the file instead:")
        apply(edit(), yes=yes)
        return
    click.echo(f"{'Removed from' if run.wanted is None else 'Written to'} {run.path}")


def apply(change: Change, *, yes: bool) -> None:
    """Show a change to the file, ask, and apply it.

    Raises:
        click.Abort: the user declined.
        CommandError: the file cannot be changed, or the user cannot be asked.
    """
    colors = {} if os.environ.get("NO_COLOR") else _COLORS
    for line in change.diff().splitlines():
        color = colors.get(line[:1])
        click.secho(plain(line), fg=color, reset=color is not None)
    if not yes:
        _confirm(f"\n{'Remove' if change.after is None else 'Write'} {change.path}?", change.path)
    change.apply()
    click.echo(f"{'Removed' if change.after is None else 'Wrote'} {change.path}")


def _confirm(question: str, path: Path) -> None:
    """Ask the user a question that is answered with yes or no.

    Args:
        question: the question.
        path: the file that is changed if the answer is yes.

    Raises:
        click.Abort: the answer is no.
        CommandError: the question cannot be answered, because stdin is not a terminal.
    """
    try:
        agreed = click.confirm(question)
    except click.Abort:
        if sys.stdin is not None and sys.stdin.isatty():
            raise
        raise CommandError(
            f"{path} was not changed: add --yes to agree without being asked"
        ) from None
    if not agreed:
        raise click.Abort
