"""Says what of an import or a sync is older than the store keeps it."""

from functools import partial
from typing import TYPE_CHECKING

from backscroll.commands.local_store import is_missing, opened_database
from backscroll.settings.model import Settings

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from backscroll.store.upkeep.expiry import DaysOf


async def too_old(settings: Settings) -> str:
    """Return a line about what is older than `BACKSCROLL_KEEP_DAYS`; empty if nothing is.

    Args:
        settings: name the database, and how many days it keeps what is in it.

    Raises:
        OperatorError: the database cannot be used.
    """
    days_of = settings.days_of
    if days_of is None or is_missing(settings.database_url):
        return ""
    async with opened_database(settings.database_url) as database:
        count = await database.read(partial(_due, days_of), large=True)
    if not count:
        return ""
    goes = "1 object is" if count == 1 else f"{count:,} objects are"
    return (
        f"{goes} older than BACKSCROLL_KEEP_DAYS, by the times in them: a running server erases "
        "them for good, and no later import brings them back"
    )


def _due(days_of: "DaysOf", connection: "Connection") -> int:
    from backscroll.store.upkeep.expiry import due
    from backscroll.store.upkeep.watched_clock import clock_of

    return due(connection, days_of, clock_of(connection))
