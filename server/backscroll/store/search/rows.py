"""Stores the data of each row of the index, except its tokens. A row stands for one message.

On SQLite, the table `search_rows` contains blocks of `BLOCK` consecutive rows, and full blocks are
compressed. On PostgreSQL, the table contains single rows, together with their tokens, until
`packing` moves them to the blocks in `search_blocks`. If a row that was moved changes, the table
contains it again, and its block keeps the earlier data.
"""

import json
import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain, groupby
from typing import Final, NamedTuple

from sqlalchemy import Connection, text

from backscroll.database.driver import run
from backscroll.store.search import blocks, vectors

BLOCK: Final = 128
"""How many rows a block has. Row `n` is in block `(n - 1) // BLOCK`."""
_FEW: Final = 8
"""If more rows of a block than this are read, the whole block is unpacked."""
MAX_LENGTH: Final = 0xFFFF
"""The maximum stored length of a message, in words. Longer messages count as this long."""

_RECORD: Final = struct.Struct("<qqIIHBB")
_OPEN: Final = -1
"""The key of the block that is not full yet. Its rows follow the rows of the last full block."""
_LAST: Final = (
    "SELECT (SELECT coalesce(max(block), -1) FROM search_rows),"
    " (SELECT rows FROM search_rows WHERE block = -1)"
)
_STORE: Final = "INSERT OR REPLACE INTO search_rows (block, rows) VALUES (?, ?)"
_READ: Final = "SELECT rows FROM search_rows WHERE block = ?"
_READ_MANY: Final = (
    "SELECT block, rows FROM search_rows WHERE block IN (SELECT value FROM json_each(?))"
)
_FULL: Final = "SELECT block, rows FROM search_rows WHERE block >= ? ORDER BY block LIMIT ?"
_ENDS: Final = (
    "SELECT coalesce((SELECT max(id) FROM search_rows), 0),"
    " coalesce((SELECT max(block) + 1 FROM search_blocks), 0)"
)
_READ_POSTGRES: Final = text(
    "SELECT id, CAST(NULL AS BYTEA), owner, created_at, position, scope, length, role, version"
    " FROM search_rows WHERE id = ANY(CAST(:ids AS BIGINT[]))"
    " UNION ALL SELECT block, rows, 0, 0, 0, 0, 0, 0, 0"
    " FROM search_blocks WHERE block = ANY(CAST(:blocks AS BIGINT[]))"
)
_FULL_POSTGRES: Final = text(
    "SELECT block, rows FROM search_blocks WHERE block >= :first ORDER BY block LIMIT :most"
)
_VERSIONS_POSTGRES: Final = (
    "(SELECT version, CAST(NULL AS BYTEA) FROM search_rows ORDER BY id LIMIT 1) UNION ALL"
    " (SELECT version, NULL FROM search_rows ORDER BY id DESC LIMIT 1) UNION ALL"
    " (SELECT NULL, rows FROM search_blocks ORDER BY block LIMIT 1) UNION ALL"
    " (SELECT NULL, rows FROM search_blocks ORDER BY block DESC LIMIT 1)"
)
_REMOVE_POSTGRES: Final = text("DELETE FROM search_rows WHERE id = ANY(CAST(:ids AS BIGINT[]))")
_LOCK_POSTGRES: Final = text(
    "SELECT block, rows FROM search_blocks WHERE block = ANY(CAST(:blocks AS BIGINT[]))"
    " ORDER BY block FOR UPDATE"
)
_STORE_POSTGRES: Final = text("UPDATE search_blocks SET rows = :rows WHERE block = :block")


class Row(NamedTuple):
    """The data of a message in the index, except its tokens.

    Attributes:
        owner: the number of the message's owner, such as its thread; see `index`.
        created_at: when the message was written, in Unix seconds.
        position: the message's position in its owner.
        scope: the number of the message's partition.
        length: the message's number of words, at most `MAX_LENGTH`.
        role: the number of the message's role; see `texts`.
        version: the version of the tokenizer that made the tokens, and the bit `WITH_TOOLS`; 0 if
            the row was removed.
    """

    owner: int
    created_at: int
    position: int
    scope: int
    length: int
    role: int
    version: int

    @property
    def has_tools(self) -> bool:
        """Whether the text of tools in the message is indexed too."""
        return bool(self.version & WITH_TOOLS)

    @property
    def tokenizer(self) -> int:
        """The version of the tokenizer that made the tokens."""
        return self.version & ~WITH_TOOLS


WITH_TOOLS: Final = 0x40
"""A bit in a row's `version`. It is set if the text of tools in the message is indexed too."""
_FIELDS: Final = len(Row._fields)
REMOVED: Final = Row(0, 0, 0, 0, 0, 0, 0)


def is_postgres(connection: Connection) -> bool:
    """Whether a connection is to PostgreSQL."""
    return connection.dialect.name == "postgresql"


def newest(connection: Connection) -> int:
    """Return the greatest number of any row; 0 if no row was ever added."""
    if is_postgres(connection):
        last, count = connection.exec_driver_sql(_ENDS).one()
        return int(max(last, count * BLOCK))
    block, records = _last(connection)
    return block * BLOCK + len(records) // _RECORD.size


def packed(connection: Connection) -> int:
    """Return the number of the last row that was moved to a block on PostgreSQL; 0 if none was."""
    _, count = connection.exec_driver_sql(_ENDS).one()
    return int(count * BLOCK)


def append(connection: Connection, rows: Sequence[Row]) -> range:
    """Add rows to SQLite's blocks, and return their numbers."""
    block, records = _last(connection)
    first = block * BLOCK + len(records) // _RECORD.size + 1
    records += b"".join(_RECORD.pack(*row) for row in rows)
    size = BLOCK * _RECORD.size
    while len(records) >= size:
        full, records = records[:size], records[size:]
        run(connection, _STORE, (block, blocks.pack(_RECORD.iter_unpack(full))))
        block += 1
    run(connection, _STORE, (_OPEN, records))
    return range(first, first + len(rows))


def read(connection: Connection, ids: Collection[int]) -> dict[int, Row]:
    """Return the rows with these numbers, by number. Rows that do not exist are left out."""
    rows: dict[int, Row] = {}
    wanted = {block: list(members) for block, members in _by_block(ids)}
    if is_postgres(connection):
        changed: dict[int, Row] = {}
        bound = {"ids": list(ids), "blocks": list(wanted)}
        for key, stored, *record in connection.execute(_READ_POSTGRES, bound):
            if stored is None:
                changed[key] = Row(*record)
            else:
                rows |= _some(stored, key * BLOCK + 1, wanted[key])
        return {each: row for each, row in rows.items() if row.version} | changed
    open_block, records = _last(connection)
    full = json.dumps([block for block in wanted if block < open_block])
    for block, stored in connection.exec_driver_sql(_READ_MANY, (full,)):
        rows |= _some(stored, block * BLOCK + 1, wanted[block])
    for each in wanted.get(open_block, ()):
        offset = (each - 1) % BLOCK * _RECORD.size
        if offset < len(records):
            rows[each] = Row(*_RECORD.unpack_from(records, offset))
    return {each: row for each, row in rows.items() if row.version}


def full_blocks(
    connection: Connection, first: int, most: int, wanted: Sequence[str]
) -> list[tuple[int, list[list[int]]]]:
    """Return the numbers and the columns of up to `most` full blocks, from `first` on.

    A column is a list of the values that the rows of the block have in one of the wanted fields.
    Removed rows are included. Their version is 0.
    """
    indexes = [Row._fields.index(name) for name in wanted]
    if is_postgres(connection):
        found = connection.execute(_FULL_POSTGRES, {"first": first, "most": most})
    else:
        found = connection.exec_driver_sql(_FULL, (first, most))
    return [(block, blocks.columns_of(stored, _FIELDS, indexes)) for block, stored in found]


def sampled(connection: Connection, high: int, most: int) -> list[Row]:
    """Return the rows of evenly spaced stretches of `BLOCK` rows, up to the row `high`.

    There are at least `most` stretches, and at most about twice as many. If there are fewer than
    `most` blocks up to `high`, all of their rows are returned.
    """
    step = max(high // BLOCK // most, 1) * BLOCK
    starts = range(1, high + 1, step)
    ids = chain.from_iterable(range(start, min(start + BLOCK, high + 1)) for start in starts)
    return list(read(connection, list(ids)).values())


def versions(connection: Connection) -> set[int]:
    """Return the tokenizer versions of the oldest and of the newest rows."""
    if is_postgres(connection):
        ends = connection.exec_driver_sql(_VERSIONS_POSTGRES).all()
        found = {each & ~WITH_TOOLS for each, _ in ends if each is not None}
        stored = (unpacked(0, block) for _, block in ends if block is not None)
        return (found | {row.tokenizer for block in stored for row in block}) - {0}
    block, _ = _last(connection)
    found = {row.tokenizer for each in (0, block) for row in _members(connection, each, block)}
    return found - {0}


def remove(connection: Connection, ids: Collection[int]) -> None:
    """Remove rows and their vectors; their numbers are not used again."""
    vectors.remove(connection, ids)
    if not is_postgres(connection):
        replace(connection, dict.fromkeys(ids, REMOVED))
        return
    connection.execute(_REMOVE_POSTGRES, {"ids": list(ids)})
    # If `packing` has just moved a row, the deletion waited for it, and now it is in a block.
    blocks_of = {block: set(members) for block, members in _by_block(ids)}
    for block, stored in connection.execute(_LOCK_POSTGRES, {"blocks": list(blocks_of)}).all():
        numbered = enumerate(unpacked(block, stored), block * BLOCK + 1)
        left = [REMOVED if each in blocks_of[block] else row for each, row in numbered]
        connection.execute(_STORE_POSTGRES, {"block": block, "rows": blocks.pack(left)})


def replace(connection: Connection, rows: Mapping[int, Row]) -> None:
    """Replace rows in SQLite's blocks, by number."""
    open_block, _ = _last(connection)
    for block, replaced in _by_block(rows):
        members = _members(connection, block, open_block)
        for each in replaced:
            members[each - block * BLOCK - 1] = rows[each]
        if block < open_block:
            connection.exec_driver_sql(_STORE, (block, blocks.pack(members)))
        else:
            records = b"".join(_RECORD.pack(*row) for row in members)
            connection.exec_driver_sql(_STORE, (_OPEN, records))


def clear(connection: Connection) -> None:
    """Remove all rows and their vectors; their numbers are not used again."""
    vectors.clear(connection)
    if is_postgres(connection):
        connection.exec_driver_sql("DELETE FROM search_rows")
        connection.exec_driver_sql("DELETE FROM search_blocks")
        return
    block, records = _last(connection)
    if block or records:
        connection.exec_driver_sql("DELETE FROM search_rows")
        connection.exec_driver_sql(_STORE, (block, blocks.pack([REMOVED] * BLOCK)))


def unpacked(block: int, stored: bytes) -> list[Row]:
    """Return the rows of a stored block, which is compressed if it is full."""
    records = _RECORD.iter_unpack(stored) if block == _OPEN else blocks.unpack(stored, _FIELDS)
    return [Row(*record) for record in records]


def _last(connection: Connection) -> tuple[int, bytes]:
    """Return the number of the block that is not full yet, and its records."""
    [(full, records)] = run(connection, _LAST)
    return full + 1, records or b""


def _members(connection: Connection, block: int, open_block: int) -> list[Row]:
    key = block if block < open_block else _OPEN
    stored = connection.exec_driver_sql(_READ, (key,)).scalar()
    return [] if stored is None or block > open_block else unpacked(key, stored)


def _by_block(ids: Iterable[int]) -> Iterable[tuple[int, Iterable[int]]]:
    return groupby(sorted(ids), key=lambda each: (each - 1) // BLOCK)


def _some(stored: bytes, first: int, ids: Sequence[int]) -> dict[int, Row]:
    """Return some rows of a compressed block whose first row has the number `first`.

    If at most `_FEW` rows are wanted, the values of all other rows are not computed.
    """
    if len(ids) > _FEW:
        records = list(blocks.unpack(stored, _FIELDS))
        return {each: Row(*records[each - first]) for each in ids}
    found = blocks.some(stored, _FIELDS, [each - first for each in ids])
    return {each: Row(*found[each - first]) for each in ids}
