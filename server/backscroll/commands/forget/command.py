"""The click command `backscroll forget`."""

import sys
from typing import Final

import click

from backscroll.commands.examples import examples
from backscroll.commands.options import with_settings
from backscroll.commands.terminal import stdout, warn, write
from backscroll.commands.times import since_s
from backscroll.process.exits import CommandError
from backscroll.settings.model import Settings

_NEEDED: Final = "name what to forget: ids, --source, --project or --before"


@click.command(
    short_help="Erase conversations for good.",
    epilog=examples(
        "backscroll forget conv_abc thread_def",
        "backscroll forget --source chatgpt",
        "backscroll forget --project /home/ada/secret",
        "backscroll forget --source codex --before 90d --yes",
    ),
)
@click.argument("ids", nargs=-1, metavar="[ID...]")
@click.option(
    "--source", default="", metavar="NAME", help="Everything from a source, such as chatgpt."
)
@click.option(
    "--project",
    "folder",
    default="",
    metavar="NAME",
    help="Everything of a project, or of a working directory and its subfolders. If you removed "
    "the project from a conversation's metadata, only its exact directory selects it.",
)
@click.option(
    "--before",
    default="",
    metavar="WHEN",
    help="Everything last active before a UTC date or time, or longer ago than an age: 90d, 1y.",
)
@click.option("--partition", default=None, help="A partition of the store.  [BACKSCROLL_PROJECT]")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@with_settings("database")
def forget(  # noqa: PLR0913 - parameters are options
    settings: Settings,
    *,
    ids: tuple[str, ...],
    source: str,
    folder: str,
    before: str,
    partition: str | None,
    yes: bool,
) -> None:
    """Erase threads, conversations, stored completions and responses for good, by id or by options.

    If several options are given, all of them must apply. Shows what would be erased, and asks.
    Then the texts, titles and metadata are erased from the database, from the search index and from
    stored replies. Only a hash of each import key is kept, so that no later import or sync brings
    them back. Sub-agents and forks of a conversation stay unless they are selected too; their ids
    are shown. The files that were imported are not changed; nor are backups and exports.
    """
    import anyio

    from backscroll.commands.forget.forgetting import erase, found, staying, summary
    from backscroll.store.archive.records import Selection

    stdout()
    selected = Selection(
        ids=ids, source=source, project=folder, before_s=since_s("--before", before)
    )
    if selected == Selection():
        raise click.UsageError(_NEEDED)
    within = settings.project if partition is None else partition
    forgotten, left = anyio.run(found, settings.database_url, selected, within)
    for missing in sorted({*ids} - {each.id for each in forgotten}):
        warn(f"{missing} is not in the store")
    if not forgotten:
        write("Nothing to forget.")
        sys.exit(bool(ids))
    write(summary(forgotten, folder))
    if left:
        write(staying(left, by_id=not (source or folder or before)))
    if not yes:
        _confirm(len(forgotten))
    write(anyio.run(erase, settings.database_url, forgotten, within))
    sys.exit(len(forgotten) < len({*ids}))


def _confirm(count: int) -> None:
    """Ask the user whether to erase the conversations.

    Raises:
        click.Abort: the answer is no.
        CommandError: the question cannot be answered, because stdin is not a terminal.
    """
    them = "it" if count == 1 else f"all {count}"
    try:
        agreed = click.confirm(f"\nErase {them} for good?")
    except click.Abort:
        if sys.stdin is not None and sys.stdin.isatty():
            raise
        write("")  # ends the line of the question
        raise CommandError("nothing was erased: add --yes to agree without being asked") from None
    if not agreed:
        raise click.Abort
