"""The click commands `backscroll import` and `backscroll export`."""

import io
import sys
from pathlib import Path

import click

from backscroll.commands.examples import examples
from backscroll.commands.options import with_settings
from backscroll.commands.terminal import verbatim, write
from backscroll.process.exits import CommandError, interrupted_at_once
from backscroll.settings.model import Settings
from backscroll_tools.plain import plain


@click.command(
    "import",
    short_help="Import conversations.",
    epilog=examples(
        "backscroll import conversations.jsonl",
        "backscroll import chitchat --limit 100",
        'echo \'{"messages": [{"role": "user", "content": "Hello"}]}\' |',
        "    backscroll import -",
        "",
        "The fields of a line (a thread only needs messages):",
        '{"object": "thread", "id": …, "created_at": …, "metadata": {…}, "messages":',
        '    [{"role": "user", "content": "Hello", "created_at": …}, …]}',
        '{"object": "conversation", "id": …, "created_at": …, "metadata": {…}, "items":',
        '    [{"role": "user", "content": "Hello"}, {"type": …, …}, …]}',
        '{"object": "chat.completion", "id": …, "created": …, "model": …,',
        '    "choices": […], "messages": [{"role": "user", "content": "Hello"}, …]}',
        "A title becomes metadata.title.",
        'Times are Unix seconds or ISO 8601 (in UTC): "2024-05-01T10:00:00Z".',
    ),
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["auto", "chitchat", "jsonl"]),
    default="auto",
    show_default=True,
    help="The files' format; auto detects it from the start of each file.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Import at most this many conversations.")
@with_settings("database", "project")
def import_(settings: Settings, paths: tuple[str, ...], kind: str, limit: int | None) -> None:
    """Import conversations from files, from stdin (-), or from chitchat-dataset (chitchat).

    A file is JSON Lines of threads, conversations or stored chat completions, or chitchat's
    dataset.json. A file may also be one JSON object or one array of objects. It may be compressed
    by gzip. Conversations that were imported before are brought up to date: they get new messages
    and changes, and keep what was written to them since. If a line cannot be imported, its number
    is reported, the other lines are imported, and the exit code is 1.
    """
    from functools import partial

    import anyio

    from backscroll.commands.transfer.importing import import_sources, open_source

    if "-" in paths and sys.stdin is None:
        raise CommandError("stdin is closed, but the path - means stdin")
    stdin = io.BytesIO() if sys.stdin is None else sys.stdin.buffer
    sources = (open_source(path, kind, stdin) for path in paths)
    with interrupted_at_once():
        into = partial(import_sources, partition=settings.project)
        tally = anyio.run(into, settings.database_url, sources, _refuse, limit)
    click.echo(str(tally))
    sys.exit(tally.refused > 0)


@click.command(
    short_help="Export all conversations.",
    epilog=examples(
        "backscroll export backup.jsonl",
        "backscroll export | gzip > backup.jsonl.gz",
    ),
)
@click.argument("path", default="-")
@with_settings("database", "project")
def export(settings: Settings, path: str) -> None:
    """Export everything in a partition of the store as JSON Lines, to a file or to stdout.

    Importing the lines into an empty store restores the same content.
    """
    from functools import partial

    import anyio

    from backscroll.commands.progress import progress
    from backscroll.commands.transfer.exporting import export_to, new_file

    export_lines = partial(export_to, partition=settings.project)
    if path == "-" and (stdout := verbatim()).isatty():
        anyio.run(export_lines, settings.database_url, write)
    elif path == "-":
        with progress("stdout", None) as advance:
            anyio.run(export_lines, settings.database_url, stdout.write, advance)
    else:
        with new_file(Path(path)) as file, progress(path, None) as advance:
            lines = anyio.run(export_lines, settings.database_url, file.write, advance)
        click.echo(f"{lines} exported to {path}", err=True)


def _refuse(line: str) -> None:
    click.echo(f"backscroll: {plain(line)}", err=True)
