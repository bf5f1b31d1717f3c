"""The click command `backscroll maintain`."""

import sys

import click

from backscroll.commands.examples import examples
from backscroll.commands.options import with_settings
from backscroll.commands.terminal import stdout, write
from backscroll.settings.model import Settings


@click.command(
    short_help="Check the store's database, and put it in order.",
    epilog=examples(
        "backscroll maintain",
        "backscroll maintain --compact",
        "backscroll maintain --keep-days 365",
    ),
)
@click.option(
    "--compact",
    is_flag=True,
    help="Also make SQLite's file smaller. Nobody else can use the database meanwhile.",
)
@click.option(
    "--trust-clock",
    is_flag=True,
    help="With --keep-days: erase by the database's clock, even if nobody watched it.",
)
@with_settings("database", "keep_days")
def maintain(settings: Settings, *, compact: bool, trust_clock: bool) -> None:
    """Check the store's database for damage, and put it in order, while others use it.

    Every row is read. If nothing is damaged, what is older than --keep-days is erased, idempotency
    keys that are older than a day are removed, the parts of the search index are merged, and the
    statistics by which the database plans its queries are updated. On PostgreSQL, the tables are
    also vacuumed. At the end, shows what was done, and the size before and after. The exit code is
    1 if the database is damaged; then nothing was changed.

    Time during which no server ran is trusted only bit by bit, because it cannot be told from a
    jump of the clock. So where this command runs without a server, --keep-days needs --trust-clock.
    """
    import anyio

    from backscroll.commands.maintain.maintaining import run, shown

    stdout()
    report = anyio.run(run, settings, compact, trust_clock)
    write(shown(report, settings))
    sys.exit(bool(report.found.flaws))
