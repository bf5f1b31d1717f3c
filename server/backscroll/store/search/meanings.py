"""Requests the vectors of messages in the background, and the vectors of queries when needed.

The endpoint is slow compared with a database, and may fail. So no write and no search depends on
it: a message is written before its vector is requested, and a query without a vector is compared
only by its words.

If several processes use a database, only one at a time requests the vectors of messages. It holds a
lease, which expires if the process ends.
"""

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple

from sqlalchemy import Connection, text

from backscroll.database.faults import CommitUnknownError, NothingWrittenError
from backscroll.database.port import Database
from backscroll.database.sqlite_file import Identity, opened_file
from backscroll.store.search import pending, rows, vectors
from backscroll.store.search.embeddings import Embeddings, EmbeddingsError, Vector
from backscroll.store.search.hits import read_hits
from backscroll.store.search.vectors import Meaning

BATCH: Final = 32
"""The maximum number of texts in one request."""
TEXT_CHARS: Final = 6_000
"""The maximum number of characters of a message that are sent, because models read a limited number
of tokens."""
BATCH_S: Final = 30.0
"""The time limit for the vectors of messages, in seconds."""
QUERY_S: Final = 2.0
"""The time limit for the vector of a query, in seconds."""
REST_S: Final = 15.0
"""How long searches send no requests after a failure, in seconds."""
LEASE_S: Final = 90.0
"""How long a lease lasts, in seconds. It is renewed with each batch."""
WATCH_S: Final = 2.0
"""The pause between two checks for messages without a vector, in seconds."""
AGAIN_S: Final = 5.0
"""The pause after the first failure, in seconds. It doubles with each further failure."""
LONGEST_S: Final = 600.0
"""The longest pause after a failure, in seconds."""
QUERIES: Final = 256
"""How many vectors of queries are kept in memory, so that all pages of a search use the same
vector."""

LATE: Final = 20_000
"""How many of the newest rows each check on PostgreSQL reads again, because a row may be committed
after rows with greater numbers."""

_log: Final = logging.getLogger(__name__)
_LOCK_ROWS: Final = text(
    "SELECT id FROM search_rows WHERE id = ANY(CAST(:ids AS BIGINT[])) FOR SHARE"
)
_LOCK_BLOCKS: Final = text(
    "SELECT block FROM search_blocks WHERE block = ANY(CAST(:blocks AS BIGINT[]))"
    " ORDER BY block FOR SHARE"
)
_MISSING_POSTGRES: Final = text(
    "SELECT id FROM search_rows WHERE id > :above AND NOT EXISTS"
    " (SELECT FROM search_vectors WHERE search_vectors.row = id) ORDER BY id LIMIT :most"
)


class _Work(NamedTuple):
    """The next work to do.

    Attributes:
        texts: the next texts without a vector, at most `BATCH`.
        above: the number of a row. The next check for rows without a vector starts after it.
        has_others: whether there are vectors of a model that is not the configured one. They must
            be removed first.
        file: the SQLite file that has the index; None for any other database.
    """

    texts: "list[Text]"
    above: int
    has_others: bool
    file: Identity | None


class Text(NamedTuple):
    """The text of a row of the index.

    Attributes:
        row: the number of the row.
        scope: the number of its partition.
        text: the text to send to the endpoint.
    """

    row: int
    scope: int
    text: str


class Meanings:
    """Requests the vectors of messages and queries from an embeddings endpoint.

    Args:
        database: the store's database.
        embeddings: the endpoint.
        query_s: the time limit for the vector of a query, in seconds.
        batch_s: the time limit for the vectors of messages, in seconds.
        rest_s: how long searches send no requests after a failure, in seconds.
        watch_s: the pause between two checks for messages without a vector, in seconds.
        again_s: the pause after the first failure, in seconds.
    """

    def __init__(  # noqa: PLR0913 - tests pass shorter times
        self,
        database: Database,
        embeddings: Embeddings,
        *,
        query_s: float = QUERY_S,
        batch_s: float = BATCH_S,
        rest_s: float = REST_S,
        watch_s: float = WATCH_S,
        again_s: float = AGAIN_S,
    ) -> None:
        self._database = database
        self._embeddings = embeddings
        self._model = vectors.model_number(embeddings.model)
        self._query_s, self._batch_s, self._rest_s = query_s, batch_s, rest_s
        self._watch_s, self._again_s = watch_s, again_s
        self._queries: dict[tuple[str, str], Vector] = {}
        self._rests_until = float("-inf")
        self._above: int | None = None
        self._file: Identity | None = None

    async def of_query(self, partition: str, query: str) -> Meaning | None:
        """Return the meaning of a query, or None if the endpoint does not send it in time.

        Args:
            partition: the partition that is searched. Partitions do not share the vectors of
                queries. Otherwise, a fast search would show that another partition has searched for
                the same text.
            query: the text of the query.
        """
        known = self._queries.get((partition, query))
        if known is None and time.monotonic() >= self._rests_until:
            try:
                (known,) = await self._embeddings.vectors([query[:TEXT_CHARS]], self._query_s)
            except EmbeddingsError as error:
                _log.warning("a query was not embedded, so only its words are compared: %s", error)
                self._rests_until = time.monotonic() + self._rest_s
            else:
                if len(self._queries) >= QUERIES:
                    del self._queries[next(iter(self._queries))]
                self._queries[partition, query] = known
        return Meaning(known, self._model) if known else None

    async def keep_filled(self) -> None:
        """Request vectors for messages that have none, until cancelled."""
        pause_s = self._again_s
        while True:
            try:
                await self.fill()
            except (EmbeddingsError, NothingWrittenError, CommitUnknownError) as error:
                _log.warning("embedding messages failed and will be tried again: %s", error)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_S)
            else:
                pause_s = self._again_s
                await asyncio.sleep(self._watch_s)

    async def fill(self) -> None:
        """Request vectors until every message has one. Return early if another process does this.

        Raises:
            EmbeddingsError: the endpoint failed. The vectors that it sent before are kept.
            NothingWrittenError: the database cannot be used.
            CommitUnknownError: the vectors may or may not have been written.
        """
        lease = 0
        try:
            while (work := await self._work()) is not None:
                held, lease = lease, await self._leased(lease)
                if not lease:
                    return
                # If the lease is new, another process may have done `work` before the lease began.
                if held:
                    await self._do(work)
        finally:
            if lease:
                with suppress(NothingWrittenError, CommitUnknownError):  # it will expire
                    await self._leased(lease, lease_s=0)

    async def _work(self) -> _Work | None:
        """Return the next work, or None if there is nothing to do."""
        work = await self._database.read(self._waiting, large=True)
        self._above, self._file = None if work.has_others else work.above, work.file
        return work if work.texts or work.has_others else None

    async def _do(self, work: _Work) -> None:
        if work.has_others:
            drop = partial(vectors.forget_others, model=self._model, most=500)
            await self._database.write(drop)
        else:
            await self._embed(work.texts)

    async def _leased(self, held: int, lease_s: float = LEASE_S) -> int:
        """Take or renew the lease. Return its end, or 0 if another process holds it."""
        now = time.time_ns()
        until = now + int(lease_s * 1e9) + random.randrange(1_000)  # noqa: S311 - makes ends unique
        taking = partial(pending.lease, now=now, held=held, until=until)
        return until if await self._database.write(taking) else 0

    def _waiting(self, connection: Connection) -> _Work:
        file = opened_file(connection.info)
        above = self._above if file == self._file else None  # the file may have been replaced
        has_others = above is None and vectors.has_others(connection, self._model)
        is_postgres = rows.is_postgres(connection)
        newest, packed = rows.newest(connection), rows.packed(connection) if is_postgres else 0
        if above is None:
            # SQLite's rows are committed and embedded in the order of their numbers, so only rows
            # after the newest row in the table of vectors can be missing in that table.
            above = 0 if is_postgres else vectors.newest(connection)
        if found := _texts(connection, vectors.outdated(connection, BATCH)):
            return _Work(found, above, has_others, file)
        while above < newest:
            if is_postgres and above >= packed:
                bound = {"above": above, "most": BATCH}
                ids = list(connection.scalars(_MISSING_POSTGRES, bound))
                last = ids[-1] if ids else newest
            else:
                last = min(above + rows.BLOCK, newest)
                some = range(above + 1, last + 1)
                ids = sorted(set(some) - vectors.known(connection, some, self._model))
            if found := _texts(connection, ids)[:BATCH]:
                # The next call starts at these rows, and skips the rows that have vectors by then.
                return _Work(found, found[0].row - 1, has_others, file)
            above = last
        # On PostgreSQL, a row may be committed after rows with greater numbers.
        above = max(0, newest - LATE) if is_postgres else above
        return _Work([], above, has_others, file)

    async def _embed(self, found: Sequence[Text]) -> None:
        try:
            made = await self._embeddings.vectors([each.text for each in found], self._batch_s)
        except EmbeddingsError as error:
            if not error.of_a_text or len(found) == 1:
                raise
            made = await self._one_by_one(found, error)
        add = partial(_add, model=self._model, made=dict(zip(found, made, strict=True)))
        await self._database.write(add)

    async def _one_by_one(self, found: Sequence[Text], refused: EmbeddingsError) -> list[Vector]:
        """Request each vector separately. Return an empty vector for each text that is refused."""
        made: list[Vector] = []
        for each in found:
            try:
                made += await self._embeddings.vectors([each.text], self._batch_s)
            except EmbeddingsError as error:
                if not error.of_a_text:
                    raise
                made.append(())
        if not any(made):
            raise refused  # the endpoint refuses everything
        return made


def _texts(connection: Connection, ids: Sequence[int]) -> list[Text]:
    data = rows.read(connection, ids)
    found = read_hits(connection, None, data)
    return [
        Text(row, data[row].scope, found[row]["indexed"][:TEXT_CHARS])
        for row in sorted(found)
        if found[row]["indexed"].strip()
    ]


def _add(connection: Connection, model: int, made: dict[Text, Vector]) -> None:
    """Store vectors, except those of rows that were removed or changed during the request."""
    stored = vectors.dimensions(connection, model)
    sent = max(map(len, made.values()))
    if stored and sent and stored != sent:
        raise EmbeddingsError(
            f"the endpoint sends vectors of {sent} numbers, and the store has vectors of {stored}; "
            "if the endpoint now has another model, change BACKSCROLL_EMBEDDINGS_MODEL"
        )
    ids = [each.row for each in made]
    if rows.is_postgres(connection):
        connection.execute(_LOCK_ROWS, {"ids": ids})
        in_blocks = {(each - 1) // rows.BLOCK for each in ids}
        connection.execute(_LOCK_BLOCKS, {"blocks": list(in_blocks)})
    now = set(_texts(connection, ids))
    kept = {(each.row, each.scope): vector for each, vector in made.items() if each in now}
    vectors.add(connection, model, kept)
