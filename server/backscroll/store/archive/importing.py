"""Imports many objects together. Texts of conversations are tokenized before it."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from backscroll.database.faults import StoreError
from backscroll.database.port import Database
from backscroll.store.archive.bulk import absent, insert_new
from backscroll.store.archive.completions import write_completion
from backscroll.store.archive.load import Change, look, write
from backscroll.store.archive.prepared import Prepared, prepare_conversation, prepare_thread
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedResponse,
    ImportedThread,
    ImportOutcome,
    Watermark,
)
from backscroll.store.archive.responses import PreparedResponse, prepare_response, write_response
from backscroll.store.archive.watermarks import write_watermarks
from backscroll.store.clock import Clock
from backscroll.store.pace import PAUSE_S

_TRANSACTION_S: Final = 0.05
"""How long a transaction goes on to write completions and responses. Others that add some to the
same partition wait for it, on SQLite all writers. On PostgreSQL, half of `TRY_S`: one that waits
for longer gives up its place, and tries again later."""
_REFUSED: Final = "cannot be imported: the database does not accept one of its values"


async def import_one(
    database: Database, clock: Clock, given: ImportedThread | ImportedConversation, partition: str
) -> ImportOutcome:
    """Import a thread or a conversation, in one transaction.

    Raises:
        StoreError: it has a value that cannot be stored; nothing is written.
        OperatorError: as in `Database.write`.
    """
    prepared = await asyncio.to_thread(_prepare, given)
    if isinstance(prepared, ImportOutcome):
        raise StoreError(prepared.reason)
    [outcome] = await _import(database, clock, [prepared], partition, ())
    if outcome.kind == "refused":
        raise StoreError(outcome.reason)
    return outcome


async def import_all(
    database: Database,
    clock: Clock,
    given: Sequence[ImportedConversation | ImportedThread],
    partition: str,
    watermarks: Sequence[Watermark],
) -> list[ImportOutcome]:
    """Import conversations and threads, and refuse those that cannot be stored.

    Raises:
        OperatorError: as in `Database.write`.
    """
    prepared = await asyncio.to_thread(lambda: [_prepare(each) for each in given])
    written = [each for each in prepared if isinstance(each, Prepared)]
    outcomes = iter(await _import(database, clock, written, partition, watermarks))
    return [each if isinstance(each, ImportOutcome) else next(outcomes) for each in prepared]


def _prepare(given: ImportedThread | ImportedConversation) -> Prepared | ImportOutcome:
    try:
        if isinstance(given, ImportedThread):
            return prepare_thread(given)
        return prepare_conversation(given)
    except StoreError as error:
        return ImportOutcome(kind="refused", reason=str(error))


async def _import(
    database: Database,
    clock: Clock,
    prepared: Sequence[Prepared],
    partition: str,
    watermarks: Sequence[Watermark],
) -> list[ImportOutcome]:
    """Write new and changed conversations and threads, and the watermarks.

    All are written in one transaction. If the database refuses a value, each conversation and
    thread is written in its own transaction, and those with a refused value are not written.
    """

    def look_at_all(connection: Connection) -> list[Change]:
        new = absent(connection, partition, prepared)
        return [
            look(connection, partition, each, is_absent=at in new)
            for at, each in enumerate(prepared)
        ]

    changes = await database.read(look_at_all, large=True)
    if not watermarks and not any(change.is_written for change in changes):
        return [change.outcome for change in changes]
    changes = await asyncio.to_thread(_with_entries, prepared, changes)

    def write_all(connection: Connection) -> list[ImportOutcome]:
        now_us = clock.unix_us()
        given = list(zip(prepared, changes, strict=True))
        inserted = insert_new(connection, partition, given, now_us)
        outcomes = [
            seen.outcome if at in inserted else write(connection, partition, each, now_us, seen)
            for at, (each, seen) in enumerate(given)
        ]
        write_watermarks(connection, partition, watermarks)
        return outcomes

    try:
        return await database.write(write_all)
    except (DBAPIError, OverflowError):  # caused by a value: `write` translates other errors
        if len(prepared) == 1 and not watermarks:
            return [ImportOutcome(kind="refused", reason=_REFUSED)]
    # The database does not accept a value. Write each conversation and thread in its own
    # transaction, so that only those with such a value are refused.
    outcomes = [
        outcome
        for each in prepared
        for outcome in await _import(database, clock, [each], partition, ())
    ]
    await database.write(lambda connection: write_watermarks(connection, partition, watermarks))
    return outcomes


def _with_entries(prepared: Iterable[Prepared], changes: Iterable[Change]) -> list[Change]:
    """Compute what to index. This runs before the transaction, so that no writer waits."""
    return [
        replace(change, entries=each.entries(change.difference.written))
        for each, change in zip(prepared, changes, strict=True)
    ]


async def import_one_unchanging(
    database: Database, given: ImportedCompletion | ImportedResponse, partition: str
) -> ImportOutcome:
    """Import a completion or a response, in one transaction.

    Raises:
        StoreError: it has a value that cannot be stored; nothing is written.
        OperatorError: as in `Database.write`.
    """
    [outcome] = await import_unchanging(database, [given], partition)
    if outcome.kind == "refused":
        raise StoreError(outcome.reason)
    return outcome


async def import_unchanging(
    database: Database,
    given: Sequence[ImportedCompletion | ImportedResponse],
    partition: str,
) -> list[ImportOutcome]:
    """Import completions and responses, and refuse those that cannot be stored.

    As many are written in one transaction as can be in `_TRANSACTION_S`. If the database refuses a
    value, each of the others is written in its own.

    Raises:
        OperatorError: as in `Database.write`. What was written before is kept.
    """
    prepared = await asyncio.to_thread(lambda: [_prepare_unchanging(each) for each in given])
    outcomes: list[ImportOutcome] = []

    def write_some(connection: Connection) -> list[ImportOutcome]:
        ends_at = time.monotonic() + _TRANSACTION_S
        written = []
        for each in prepared[len(outcomes) :]:
            written.append(_write_unchanging(connection, partition, each))
            if time.monotonic() > ends_at:
                break
        return written

    while len(outcomes) < len(prepared):
        if outcomes:
            await asyncio.sleep(PAUSE_S)
        try:
            outcomes += await database.write(write_some)
        except (DBAPIError, OverflowError):  # caused by a value: `write` translates other errors
            left = given[len(outcomes) :]
            if len(left) == 1:
                return [*outcomes, ImportOutcome(kind="refused", reason=_REFUSED)]
            for each in left:
                outcomes += await import_unchanging(database, [each], partition)
    return outcomes


def _prepare_unchanging(
    given: ImportedCompletion | ImportedResponse,
) -> ImportedCompletion | PreparedResponse | ImportOutcome:
    if isinstance(given, ImportedCompletion):
        return given
    try:
        return prepare_response(given)
    except StoreError as error:
        return ImportOutcome(kind="refused", reason=str(error))


def _write_unchanging(
    connection: Connection,
    partition: str,
    prepared: ImportedCompletion | PreparedResponse | ImportOutcome,
) -> ImportOutcome:
    if isinstance(prepared, ImportOutcome):
        return prepared
    if isinstance(prepared, PreparedResponse):
        return write_response(connection, partition, prepared)
    try:
        return write_completion(connection, partition, prepared)
    except StoreError as error:  # nothing was written, so the others can be
        return ImportOutcome(kind="refused", reason=str(error))
