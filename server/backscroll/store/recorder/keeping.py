"""Writes what was recorded, each answer once, and chooses the ids that callers get."""

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

from msgspec import Struct, field
from sqlalchemy import Connection, Table, bindparam, select
from starlette.requests import Request

from backscroll.database.compiled import CompiledStatement
from backscroll.database.faults import DatabaseFailedError
from backscroll.database.json_text import dump_json
from backscroll.database.port import Database
from backscroll.store.api_errors import RETRY_AFTER_S
from backscroll.store.clock import Clock
from backscroll.store.database_failures import FAILURES
from backscroll.store.envelopes import JSON
from backscroll.store.idempotency import IdempotencyKeys, Outcome
from backscroll.store.ids import is_id
from backscroll.store.keyed_requests import HEADER, KeyedRequest, in_use
from backscroll.store.recorder.answer_log import AnswerLog
from backscroll.store.recorder.model_server import Record

_HOW_IT_IS_SENT: Final = frozenset({"stream", "stream_options"})
_LAST_S: Final = 253_402_300_799
"""The last second of the year 9999, as a Unix time."""

_log: Final = logging.getLogger(__name__)


@cache
def _same_id(table: Table) -> CompiledStatement:
    within, same = table.c.partition == bindparam("within"), table.c.id == bindparam("id")
    return CompiledStatement(select(table.c.id).where(within, same))


class Keeping(Struct):
    """Writes the records of one recorder.

    Attributes:
        database: the store's database.
        keys: the idempotency keys in it.
        clock: the process's clocks.
        record: what is recorded.
        log: logs and counts the answers.
    """

    database: Database
    keys: IdempotencyKeys
    clock: Clock
    record: Record
    log: AnswerLog
    _running: set[tuple[str, str]] = field(default_factory=set)
    _promised: set[tuple[str, str, str]] = field(default_factory=set)
    _full: DatabaseFailedError | None = None
    _full_until: float = 0.0

    def created_at(self, given: object) -> int:
        """Return when an answer was created, as a Unix time in seconds.

        Args:
            given: what the model server says. If that is not a time, now is returned.
        """
        if isinstance(given, int | float) and 0 <= given <= _LAST_S:
            return int(given)
        return self.clock.unix_s()

    def keyed(self, request: Request, body: JSON) -> KeyedRequest | None:
        """Return the request with its idempotency key; None if it has no key.

        A retry may ask for a stream although the first request did not, or the other way round.
        """
        if HEADER not in request.headers:
            return None
        rest = {name: value for name, value in body.items() if name not in _HOW_IT_IS_SENT}
        digest = hashlib.sha256(dump_json(rest).encode(errors="surrogatepass")).digest()
        return KeyedRequest.of(request, digest)

    @contextmanager
    def claimed(self, keyed: KeyedRequest | None) -> Iterator[None]:
        """While open, refuse other requests with the same idempotency key.

        Raises:
            ApiError: 409 if a request with the key is running.
        """
        if keyed is None:
            yield
            return
        claim = (keyed.scope, keyed.key)
        if claim in self._running:
            raise in_use()
        self._running.add(claim)
        try:
            yield
        finally:
            self._running.discard(claim)

    async def check(self) -> None:
        """Check that the database can be written, before a model is asked.

        Raises:
            NothingWrittenError: it cannot be written. A full disk is noticed only by an answer that
                cannot be kept. After such an answer, no model is asked for `RETRY_AFTER_S` seconds.
        """
        if self.record == "best-effort":
            return
        if self._full is not None and self.clock.monotonic() < self._full_until:
            raise self._full
        await self.database.require_writable()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write one record while open. With `best-effort`, errors are only logged.

        Raises:
            NothingWrittenError: nothing was written.
            CommitUnknownError: it is not known whether the record was written.
            StoreError: the answer has a value that cannot be stored.
        """
        try:
            yield
        except FAILURES as error:
            if isinstance(error, DatabaseFailedError) and error.trouble == "full":
                self._full = error
                self._full_until = self.clock.monotonic() + RETRY_AFTER_S
            if self.record != "best-effort":
                raise
            _log.warning("an answer was not recorded: %s", error)

    async def write(
        self, work: Callable[[Connection], None], keyed: KeyedRequest | None, object_id: str
    ) -> None:
        """Write one record. When this returns, the transaction is committed.

        Args:
            work: writes the rows.
            keyed: the request that asked for the object; None if the answer is not complete, or if
                the request has no idempotency key.
            object_id: the id of the object.

        Raises:
            NothingWrittenError: nothing was written.
            CommitUnknownError: it is not known whether the record was written.
        """

        def once(connection: Connection) -> None:
            if keyed is not None:
                self.keys.keep(connection, keyed, Outcome({"id": object_id}, object_id, {}))
            work(connection)

        await self.database.write(once)

    async def promise(
        self,
        table: Table,
        partition: str,
        given: str | None,
        prefix: str,
        new_id: Callable[[], str],
    ) -> str:
        """Return the id that the caller gets: that of the model server, unless it is taken.

        No other answer gets the id until `release` is called.

        Args:
            table: the table of the object.
            partition: its partition.
            given: the model server's id; None if it sent none.
            prefix: what the id must begin with, so that the tools recognise it.
            new_id: returns a new id.
        """
        if given is None or not given.startswith(prefix) or not is_id(given):
            return new_id()
        promise = (table.name, partition, given)
        if promise in self._promised:
            return new_id()
        self._promised.add(promise)
        bound = {"within": partition, "id": given}
        is_free = False
        try:
            taken = await self.database.read(
                lambda connection: _same_id(table).execute(connection, bound)
            )
            is_free = not taken
        except FAILURES:
            if self.record != "best-effort":
                raise
        finally:
            if not is_free:
                self._promised.discard(promise)
        return given if is_free else new_id()

    def release(self, table: Table, partition: str, object_id: str) -> None:
        """Forget that an id was promised: its object was written, or will not be."""
        self._promised.discard((table.name, partition, object_id))
