"""The click command `backscroll sync`."""

import sys

import click

from backscroll.commands.examples import examples
from backscroll.commands.options import with_settings
from backscroll.commands.rare_collections import rare_collections
from backscroll.commands.terminal import warn
from backscroll.commands.times import since_s
from backscroll.process.exits import interrupted_at_once
from backscroll.settings.model import Settings
from backscroll.settings.programs import SOURCES


@click.command(
    short_help="Bring in the sessions of coding agents and other programs.",
    epilog=examples(
        "backscroll sync",
        "backscroll sync claude-code codex --since 30d",
        "backscroll sync --dry-run",
        "backscroll sync --watch",
        "",
        "Let the server itself sync these sources while it runs:",
        "BACKSCROLL_SOURCES=claude-code,codex",
    ),
)
@click.argument("names", nargs=-1, type=click.Choice(SOURCES), metavar="[SOURCE]...")
@click.option(
    "--since",
    default="",
    metavar="WHEN",
    help="Only sessions that changed since a UTC date or time, or an age: 12h, 7d, 3m (months).",
)
@click.option(
    "--watch", is_flag=True, help="Keep running until Ctrl-C, and sync changes within two seconds."
)
@click.option("--dry-run", is_flag=True, help="Only show what was found and how much is new.")
@click.option(
    "--no-redact",
    is_flag=True,
    help="Keep passwords, keys and tokens, which are otherwise replaced by [redacted: kind].",
)
@click.option("--on-request", is_flag=True, hidden=True)  # only the server uses this option
@with_settings("database", "project")
def sync(  # noqa: PLR0913 - the options of the command
    settings: Settings,
    *,
    names: tuple[str, ...],
    since: str,
    watch: bool,
    dry_run: bool,
    no_redact: bool,
    on_request: bool,
) -> None:
    """Bring the sessions on this machine into the store. Each later sync adds only what is new.

    Without SOURCE, all sources are synced: claude-code, codex, gemini-cli, vscode-copilot, cursor,
    opencode and llm. With the default database, nothing leaves the machine. Each session becomes a
    conversation that list-threads, search-messages and list-messages show. If a session has grown
    since the last sync, only the new messages are added. A session that its program has deleted
    stays in the store. If a session cannot be read, the reason is reported, all other sessions are
    imported, and the exit code is 1.
    """
    from backscroll.commands.sync.unchanged import is_shown_as_unchanged
    from backscroll.history.sources.known import BY_NAME

    if watch and dry_run:
        raise click.UsageError("--watch and --dry-run exclude each other")
    after_s = since_s("--since", since)
    sources = [BY_NAME[name] for name in names or SOURCES]
    if not watch and not dry_run and is_shown_as_unchanged(settings, sources, after_s):
        return
    with rare_collections():
        import anyio

        from backscroll.commands.kept_days import too_old
        from backscroll.commands.sync.running import SyncCommand
        from backscroll.history.sync.syncing import SyncOptions

        command = SyncCommand(
            database=settings.database_url,
            sources=sources,
            options=SyncOptions(
                partition=settings.project,
                redact=not no_redact,
                since_s=after_s,
                refuse=warn,
            ),
            say=click.echo,
            indexes_tools=settings.indexes_tools,
        )
        with interrupted_at_once():
            if dry_run:
                anyio.run(command.show)
            elif watch:
                anyio.run(command.watch, on_request)
            else:
                tally = anyio.run(command.run)
                if erased := anyio.run(too_old, settings):
                    warn(erased)
                sys.exit(tally.refused > 0)
