"""Maintains the store's database, and describes the result."""

from typing import Final

from backscroll.commands.local_store import is_missing, opened_database
from backscroll.commands.progress import one_after_another
from backscroll.commands.terminal import counted
from backscroll.database.faults import DatabaseBusyError
from backscroll.database.opening import is_postgres
from backscroll.process.exits import CommandError
from backscroll.settings.model import Settings
from backscroll.store.upkeep.maintenance import Report, Size, maintain

_MIB: Final = 1024 * 1024
_IN_USE: Final = (
    "the database is in use, so it was not compacted; all else is done: stop the servers, and run "
    "backscroll maintain --compact again"
)

_WAITING: Final = (
    "{:,} more are older by the database's clock, which nobody has watched for long enough: a "
    "running server erases them later, and --trust-clock now"
)


async def run(settings: Settings, compacts: bool, trusts_clock: bool) -> Report:  # noqa: FBT001 - as `anyio.run` passes them
    """Maintain the database of the settings, with a progress bar.

    Raises:
        CommandError: there is no database, it cannot be compacted, or it fails.
        OperatorError: the database cannot be used.
    """
    url = settings.database_url
    if is_missing(url):
        raise CommandError("there is no database yet: the first tool call or import creates it")
    if compacts and is_postgres(url):
        raise CommandError(
            "--compact is for SQLite: on PostgreSQL, freed space is used again, and VACUUM FULL or "
            "pg_repack returns it to the disk"
        )
    async with opened_database(url) as database:
        with one_after_another() as begin:
            try:
                return await maintain(
                    database,
                    begin,
                    days_of=settings.days_of,
                    trusts_clock=trusts_clock,
                    compacts=compacts,
                )
            except DatabaseBusyError:
                if not compacts:
                    raise
                raise CommandError(_IN_USE) from None


def shown(report: Report, settings: Settings) -> str:
    """Return lines that show what was done, what was found, and the sizes before and after."""
    found = report.found
    lines = [f"damaged: {flaw}" for flaw in found.flaws]
    if lines:
        lines.append(
            "Nothing was changed. Stop the servers, keep a copy, and restore a backup; or export "
            "what can still be read (backscroll export), and import it into a new database."
        )
        return "\n".join(lines)
    unit = "block" if is_postgres(settings.database_url) else "row"
    lines.append(f"checked   {counted(found.rows, unit)} read, no damage found")
    lines += [f"          not checked: {each}" for each in found.unchecked]
    if report.expired is None:
        lines.append("kept      everything: BACKSCROLL_KEEP_DAYS is not set")
    else:
        kept = ",".join(settings.keep_days)
        lines.append(f"kept      {kept} days: {report.expired.erased:,} erased for good")
        if report.expired.waiting:
            lines.append(f"          {_WAITING.format(report.expired.waiting)}")
    lines.append(f"replies   {counted(report.purged, 'idempotency key')} removed")
    parts = counted(report.before.parts, "part")
    lines.append(f"search    {parts} of the index before, {report.after.parts:,} after")
    done = "vacuumed and analysed" if unit == "block" else "analysed"
    lines.append(f"tables    {report.tables} {done}")
    lines.append(f"size      {_size(report.before)} before, {_size(report.after)} after")
    return "\n".join(lines)


def _size(size: Size) -> str:
    free = "" if size.free is None else f" ({size.free / _MIB:,.1f} free)"
    return f"{size.whole / _MIB:,.1f} MiB{free}"
