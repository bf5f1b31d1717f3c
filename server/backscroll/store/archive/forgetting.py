"""Finds threads, conversations, stored completions and responses, and forgets them for good.

Before `forget` returns, their content is also erased from the search index and, unless another
process is reading, from SQLite's write-ahead log.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, false, func, or_, select

from backscroll.database.port import Database
from backscroll.database.schema import completions
from backscroll.store.activity import US
from backscroll.store.archive.erasing import KINDS, Kind, begin, erase_all
from backscroll.store.archive.merging import hash_of
from backscroll.store.archive.records import ForgetOutcome, Forgettable, Selection
from backscroll.store.envelopes import JSON
from backscroll.store.pace import PAUSE_S
from backscroll_tools.search.titles import title_of

_IDS: Final = 500
"""The maximum number of ids in one statement."""
_SHOWN: Final = frozenset(
    {
        *("id", "created_at", "last_active_us", "message_count", "input_count"),
        *("metadata", "import_key"),
    }
)
"""The columns of a table that `find` reads, if the table has them."""

_BEGUN: Final = 16
"""The maximum number of objects that are marked as deleted in one transaction."""


def find(connection: Connection, partition: str, selection: Selection) -> list[Forgettable]:
    """Return the objects that meet all conditions of a selection, latest active first.

    Raises:
        ValueError: the selection has no condition.
    """
    if selection == Selection():
        message = "a selection needs a condition"
        raise ValueError(message)
    found = [
        _forgettable(kind, row._asdict())
        for kind in KINDS
        for statement in _statements(kind, partition, selection)
        for row in connection.execute(statement)
    ]
    return sorted(found, key=lambda each: (each.last_active_at, each.id), reverse=True)


async def forget(
    database: Database, partition: str, forgotten: Sequence[Forgettable], now_s: int
) -> ForgetOutcome:
    """Erase the objects that `find` returned.

    Args:
        database: the database.
        partition: the partition of the objects.
        forgotten: the objects. Those that no longer exist are ignored.
        now_s: the time of day in Unix seconds.
    """
    count = 0
    for at in range(0, len(forgotten), _BEGUN):
        chunk = forgotten[at : at + _BEGUN]
        count += await database.write(partial(_begin_all, partition, chunk, now_s))
        await asyncio.sleep(PAUSE_S)
    await erase_all(database)
    return ForgetOutcome(erased=count, is_log_empty=await database.truncate_log())


def _statements(kind: Kind, partition: str, selection: Selection) -> list[Select[Any]]:
    table = kind.table
    # Not all columns, because `choices` and `fields` can be large.
    shown = (column for column in table.c if column.name in _SHOWN)
    statement = select(*shown).where(table.c.partition == partition, table.c.deleted_at.is_(None))
    if selection.source:
        statement = statement.where(_is_from(table, selection.source))
    if selection.project:
        statement = statement.where(_is_in(table, selection.project))
    if selection.before_s is not None:
        statement = statement.where(
            kind.is_before(selection.before_s), kind.has_nothing_since(selection.before_s)
        )
    if not selection.ids:
        return [statement]
    ids = list(selection.ids)
    return [statement.where(table.c.id.in_(ids[at : at + _IDS])) for at in range(0, len(ids), _IDS)]


def _is_from(table: Table, source: str) -> ColumnElement[bool]:
    """Return a condition for rows from a source, such as `codex`.

    The condition is true even if a user replaced the metadata of an imported row.
    """
    return or_(
        table.c.metadata["source"].as_string() == source,
        _starts_with(table.c.import_key, f"{source}:"),
        *_imported_with(table, "source", source),
    )


def _is_in(table: Table, project: str) -> ColumnElement[bool]:
    """Return a condition for rows of a project or folder, and of the folders in it.

    If a user removed the project from the metadata of a row, the row matches only if it was
    imported with exactly this project, because only a hash of the imported project is stored.
    """
    folder = project.rstrip("/\\")
    own = table.c.metadata["project"].as_string()
    imported = or_(false(), *_imported_with(table, "project", project, folder, f"{folder}/"))
    return or_(
        own.in_((project, folder or "/")),
        _starts_with(own, f"{folder}/"),
        _starts_with(own, f"{folder}\\"),
        and_(own.is_(None), imported),
    )


def _imported_with(table: Table, name: str, *values: str) -> list[ColumnElement[bool]]:
    """Return, in a list, the condition for rows imported with one of these metadata values.

    The list is empty if the table does not record the imported metadata.
    """
    if "imported_metadata" not in table.c:
        return []
    hashes = [hash_of(value) for value in values]
    return [table.c.imported_metadata[name].as_string().in_(hashes)]


def _starts_with(column: ColumnElement[str], start: str) -> ColumnElement[bool]:
    # Unlike LIKE on SQLite, this distinguishes upper and lower case.
    return func.substr(column, 1, len(start)) == start


def _forgettable(kind: Kind, row: JSON) -> Forgettable:
    last_active_at = row["created_at"]
    if "last_active_us" in row:
        last_active_at = row["last_active_us"] // US
    count = row["input_count"] if kind.table is completions else row["message_count"]
    return Forgettable(
        kind=kind.name,
        id=row["id"],
        title=title_of(row["metadata"]),
        messages=count or 0,
        last_active_at=last_active_at,
        project=(row["metadata"] or {}).get("project", ""),
        import_key=row["import_key"],
    )


def _begin_all(
    partition: str, forgotten: Sequence[Forgettable], now_s: int, connection: Connection
) -> int:
    kinds = {kind.name: kind for kind in KINDS}
    return sum(begin(connection, partition, kinds[each.kind], each.id, now_s) for each in forgotten)
