"""Reads and writes watermarks: how far each source file was imported."""

from collections.abc import Mapping, Sequence

from msgspec.structs import asdict
from sqlalchemy import Connection, delete, insert, select

from backscroll.database.history_schema import watermarks
from backscroll.store.archive.records import Watermark

_CHUNK = 500
"""The maximum number of paths in one statement."""


def read_watermarks(connection: Connection, partition: str) -> Mapping[str, Watermark]:
    """Return the watermarks of a partition, by path."""
    columns = [column for column in watermarks.c if column.name != "partition"]
    rows = connection.execute(select(*columns).where(watermarks.c.partition == partition))
    return {row.path: Watermark(**row._asdict()) for row in rows}


def write_watermarks(connection: Connection, partition: str, written: Sequence[Watermark]) -> None:
    """Store watermarks. For each path, the last one in `written` replaces the stored one."""
    latest = list({each.path: each for each in written}.values())
    for at in range(0, len(latest), _CHUNK):
        chunk = latest[at : at + _CHUNK]
        replaced = watermarks.c.path.in_([each.path for each in chunk])
        connection.execute(delete(watermarks).where(watermarks.c.partition == partition, replaced))
        rows = [{"partition": partition, **asdict(each)} for each in chunk]
        connection.execute(insert(watermarks), rows)
