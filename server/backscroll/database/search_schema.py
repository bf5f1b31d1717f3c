"""The tables of the search index, which `store.search` reads and writes.

Each message that search can find has a numbered row. The number of a removed row is never used
again. On SQLite, the numbers increase in commit order.

On SQLite, the tokens of the rows are in `search_terms`, an FTS5 table that does not store the text.
The other data of the rows are in `search_rows`, in compressed blocks of consecutive rows. A block
takes less space than single rows.

On PostgreSQL, concurrent writers would have to wait for one another to add rows to a block. So a
write adds single rows to `search_rows`, whose column `terms` has hashes of the tokens and a GIN
index. A background task moves them, when there are enough, to compressed tables
(`store.search.packing`):
- `search_blocks` has compressed blocks of consecutive rows.
- `search_pages` has, for each bucket of hashes, the rows that have them. The page that ends with
  the row `last` begins after the row `after`.
- `search_removed` has the hashes of rows that were removed or changed, until the background task
  has erased them from the pages.
"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import DDL, BigInteger, Column, Index, Integer, LargeBinary, Table, event

from backscroll.database.column_types import PlainText, tables

# A number for each partition, except the default partition. In the index, the tokens of a numbered
# partition begin with its number, so that a search in one partition does not find or count messages
# of another.
search_scopes: Final = Table(
    "search_scopes",
    tables,
    Column("partition", PlainText, primary_key=True),
    Column("scope", Integer, nullable=False),
)

# The `kind` is 0 for threads, 1 for conversations and 2 for completions. The objects of this kind
# whose position is lower than `below` are not indexed yet, for example because they are older than
# the index. `store.search.pending` describes the kinds above 2.
search_pending: Final = Table(
    "search_pending",
    tables,
    Column("kind", Integer, primary_key=True, autoincrement=False),
    Column("below", BigInteger, nullable=False),
)

# This table has one row: a random key of 32 bytes in hexadecimal digits, which encrypts the cursors
# of searches.
search_seal: Final = Table("search_seal", tables, Column("key", PlainText, nullable=False))

# The vectors of messages, if the operator configured embeddings (`store.search.vectors`).
search_vectors: Final = Table(
    "search_vectors",
    tables,
    Column("row", BigInteger, primary_key=True, autoincrement=False),
    Column("scope", Integer, nullable=False),
    Column("model", Integer, nullable=False),
    Column("signs", LargeBinary),
    Column("vector", LargeBinary),
    # With this index, a search reads the `signs` of many vectors without reading the table.
    Index("search_vectors_signs", "scope", "model", "row", "signs"),
)

Index(
    "search_vectors_outdated",
    search_vectors.c.row,
    sqlite_where=search_vectors.c.vector.is_(None),
)

SEARCH_TABLES: Final = (search_scopes, search_pending, search_seal, search_vectors)
"""The tables that are the same on both engines."""

# FTS5 stores its index in segments, and merging segments can take long. So a background task merges
# them. Writes merge no segments (`automerge`), unless there are very many (`crisismerge`).
ENGINE_TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "sqlite": (
        ("CREATE TABLE search_rows (block INTEGER PRIMARY KEY, rows BLOB NOT NULL)"),
        (
            "CREATE VIRTUAL TABLE search_terms USING fts5(terms, content='', detail=none,"
            ' columnsize=0, tokenize="unicode61'
            " remove_diacritics 0 categories 'L* M* N* P* S* Co'\")"
        ),
        "INSERT INTO search_terms (search_terms, rank) VALUES ('automerge', 0)",
        "INSERT INTO search_terms (search_terms, rank) VALUES ('crisismerge', 64)",
    ),
    "postgresql": (
        (
            "CREATE TABLE search_rows (id BIGSERIAL PRIMARY KEY, owner BIGINT NOT NULL,"
            " created_at BIGINT NOT NULL, position INTEGER NOT NULL, scope INTEGER NOT NULL,"
            " length INTEGER NOT NULL, role SMALLINT NOT NULL, version SMALLINT NOT NULL,"
            " terms INTEGER[] NOT NULL)"
        ),
        # Each search reads GIN's whole list of pending entries, so the list's size is limited.
        (
            "CREATE INDEX search_rows_having ON search_rows USING gin (terms)"
            " WITH (gin_pending_list_limit = 512)"
        ),
        "CREATE TABLE search_blocks (block BIGINT PRIMARY KEY, rows BYTEA NOT NULL)",
        (
            "CREATE TABLE search_pages (bucket INTEGER NOT NULL, last BIGINT NOT NULL,"
            " after BIGINT NOT NULL, page BYTEA NOT NULL, PRIMARY KEY (bucket, last))"
        ),
        # Pages are compressed already.
        "ALTER TABLE search_pages ALTER page SET STORAGE EXTERNAL",
        (
            "CREATE TABLE search_removed (bucket INTEGER NOT NULL, row BIGINT NOT NULL,"
            " hash INTEGER NOT NULL, PRIMARY KEY (bucket, row, hash))"
        ),
    ),
}
"""For each engine, the statements that create the tables that differ between the engines. They run
after `search_scopes` is created."""

POSTGRES_TABLES: Final = ("search_rows", "search_blocks", "search_pages", "search_removed")
"""The tables that these statements create on PostgreSQL."""

for _engine, _statements in ENGINE_TABLES.items():
    for _statement in _statements:
        _create = DDL(_statement)  # type: ignore[no-untyped-call]  # SQLAlchemy does not type it
        event.listen(search_scopes, "after_create", _create.execute_if(dialect=_engine))
