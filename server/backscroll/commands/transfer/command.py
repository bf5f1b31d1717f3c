"""The click commands `backscroll import` and `backscroll export`."""

import io
import sys
from pathlib import Path
from typing import Final

import click

from backscroll.commands.examples import examples
from backscroll.commands.options import with_settings
from backscroll.commands.rare_collections import rare_collections
from backscroll.commands.terminal import verbatim, warn, write
from backscroll.history.formats.registry import MODULES
from backscroll.process.exits import CommandError, interrupted_at_once
from backscroll.settings.model import Settings

_KINDS: Final = ("auto", "jsonl", "chitchat", *MODULES)


@click.command(
    "import",
    short_help="Import conversations.",
    epilog=examples(
        "backscroll import ~/Downloads/chatgpt-export.zip",
        "backscroll import ~/.claude/projects ~/.codex/sessions",
        "backscroll import backup.jsonl --limit 100",
        'echo \'{"messages": [{"role": "user", "content": "Hello"}]}\' |',
        "    backscroll import -",
        "",
        "Backscroll's own format, one object per line; a thread needs only messages:",
        '{"object": "thread", "id": …, "created_at": …, "metadata": {…}, "messages":',
        '    [{"role": "user", "content": "Hello", "created_at": …}, …]}',
        '{"object": "conversation", "id": …, "created_at": …, "metadata": {…}, "items":',
        '    [{"role": "user", "content": "Hello"}, {"type": …, …}, …]}',
        '{"object": "chat.completion", "id": …, "created": …, "model": …,',
        '    "choices": […], "messages": [{"role": "user", "content": "Hello"}, …]}',
        '{"object": "response", "id": …, "created_at": …, "model": …, "output": […],',
        '    "input_items": [{"role": "user", "content": "Hello"}, …]}',
        "A title becomes metadata.title.",
        'Times are Unix seconds or ISO 8601 (in UTC): "2024-05-01T10:00:00Z".',
    ),
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--format",
    "kind",
    type=click.Choice(_KINDS),
    metavar="FORMAT",
    default="auto",
    show_default=True,
    help="The format of all files. auto recognises the format of each file by its content; jsonl "
    f"is Backscroll's own. One of: {', '.join(_KINDS)}.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Import at most this many conversations.")
@click.option(
    "--branches",
    is_flag=True,
    help="Also import the branches that an edit or a retry abandoned, each as a conversation.",
)
@click.option(
    "--redact/--no-redact",
    default=None,
    help="Replace passwords, keys and tokens before anything is written. By default, only in files "
    "of the programs that backscroll sync reads.",
)
@with_settings("database", "project")
def import_(  # noqa: PLR0913, PLR0917 - a parameter for each option
    settings: Settings,
    paths: tuple[str, ...],
    kind: str,
    limit: int | None,
    branches: bool,  # noqa: FBT001 - click passes it by name
    redact: bool | None,  # noqa: FBT001 - click passes it by name
) -> None:
    """Import conversations from exports, archives, session logs and folders of them.

    A path is a file, an archive, a folder, or - for stdin. A file is recognised by its content: an
    export as it was downloaded (also archives inside archives), a session log, a database of
    another program, or JSON Lines of threads, conversations, stored chat completions or responses.
    Files can be compressed by gzip or zstandard.

    Importing a file again adds nothing. Importing a later version of the file appends new messages
    and replaces edited messages; what you wrote through Backscroll stays. If a conversation cannot
    be imported, its position and the reason are reported, all others are imported, and the exit
    code is 1.
    """
    from functools import partial

    import anyio

    from backscroll.commands.kept_days import too_old
    from backscroll.commands.transfer.importing import import_sources
    from backscroll.commands.transfer.recognising import Recogniser
    from backscroll.commands.transfer.recorded import Recorded

    if "-" in paths and sys.stdin is None:
        raise CommandError("stdin is closed, but the path - means stdin")
    stdin = io.BytesIO() if sys.stdin is None else sys.stdin.buffer
    recorded = Recorded(branches=branches, redacts=redact)
    recogniser = Recogniser(recorded, warn, kind)
    sources = (file for path in paths for file in recogniser.found(path, stdin))
    with interrupted_at_once(), rare_collections():
        into = partial(
            import_sources,
            partition=settings.project,
            indexes_tools=settings.indexes_tools,
            redacts_own=redact is True,
        )
        tally = anyio.run(into, settings.database_url, sources, warn, limit)
        erased = anyio.run(too_old, settings)
    tally.without_content = recorded.without_content
    for line in tally.lines():
        click.echo(line)
    if erased:
        warn(erased)
    sys.exit(1 if tally.counts["refused"] else 0)


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
