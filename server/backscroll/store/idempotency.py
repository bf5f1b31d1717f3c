"""Makes POST requests safe to repeat: the reply to the first request with a key is stored.

The reply is stored in the transaction that writes the rows, so that both or neither are stored. The
text of a new message is stored only in its row and not again in the reply: a replay reads it from
the row, and the stored reply has only values that can change later, such as metadata. If two
requests have the same key, the second waits for the first and replays its reply. Only successful
replies are stored.

A key is kept for at least `KEPT_S` seconds, even if a clock is changed (see `retention`). When a
new key is stored, a few of the keys that need not be kept any longer are removed. When an object is
deleted, the replies that describe it are erased; a reply that lists several objects is erased when
any of them is deleted.

If the connection to the database is lost during a commit, the request is repeated with its key, so
that its outcome becomes known.
"""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Final, TypeAlias, cast

from msgspec import Struct
from sqlalchemy import Connection, delete, insert, literal, select, tuple_, update
from starlette.requests import Request
from starlette.responses import Response

from backscroll.database.compiled import CompiledStatement
from backscroll.database.faults import DatabaseBusyError, LostCommitError
from backscroll.database.json_text import dump_json, load_json
from backscroll.database.locks import take_turns
from backscroll.database.port import Database
from backscroll.database.schema import idempotency
from backscroll.store.clock import Clock
from backscroll.store.envelopes import JSON, turn_of
from backscroll.store.keyed_requests import KeyedRequest, first_reply, in_use, is_known
from backscroll.store.retention import ELAPSED_MS, RetentionClock, gone_before_ms

KEPT_S: Final = 24 * 60 * 60
_PRUNED_PER_WRITE: Final = 8

_insert: Final = CompiledStatement(
    insert(idempotency).values(kept_since_ms=ELAPSED_MS),
    [column.name for column in idempotency.columns if column.name != "kept_since_ms"],
)
_oldest: Final = (
    select(idempotency.c.scope, idempotency.c.key)
    .where(idempotency.c.kept_since_ms < ELAPSED_MS - gone_before_ms(KEPT_S))
    .order_by(idempotency.c.kept_since_ms)
    .limit(_PRUNED_PER_WRITE)
    .with_for_update(skip_locked=True)  # another write may be removing the same rows
)
_prune: Final = CompiledStatement(
    delete(idempotency).where(tuple_(idempotency.c.scope, idempotency.c.key).in_(_oldest))
)


class Outcome(Struct, frozen=True):
    """The result of a write, and the thread or conversation that it belongs to.

    Attributes:
        value: the reply's JSON: an object with an `id`, or a list of such objects.
        collection_id: the id of the thread or conversation to which the object in `value` belongs;
            the id of the object itself if it belongs to neither.
        stored: an object to store instead of `value`; None to store `value`. For a replay, the
            endpoint's `Rebuild` function makes `value` from `stored` and the written rows. `stored`
            must not have the key `object`, by which `_replay` recognises a whole reply.
    """

    value: JSON
    collection_id: str
    stored: JSON | None = None

    @property
    def object_ids(self) -> str:
        """The ids of the objects in the reply, separated by spaces."""
        return " ".join(each["id"] for each in self.value.get("data", [self.value]))


Rebuild: TypeAlias = Callable[[Connection, list[str], JSON], JSON]
"""Returns the JSON of the first reply, given the ids of its objects and `Outcome.stored`."""


class IdempotencyKeys(Struct, frozen=True):
    """The idempotency keys in a database, each with the reply to its first request.

    Attributes:
        database: stores the keys.
        clock: the process's clocks.
        retention: counts how long keys have been kept.
    """

    database: Database
    clock: Clock
    retention: RetentionClock

    async def write_once(
        self,
        request: Request,
        body: bytes,
        work: Callable[[Connection], Outcome],
        rebuild: Rebuild | None = None,
    ) -> Response:
        """Run `work` in a transaction and return its reply; or replay the first reply to the key.

        Args:
            request: its `Idempotency-Key`, if present, is 1-255 printable ASCII characters.
            body: the request's body, as received.
            work: writes the rows.
            rebuild: must be given if `work` returns an `Outcome` with `stored`.

        Raises:
            ApiError: 400 for a malformed key; 422 if a different request used the key; 409 if the
                first request with the key is still running when the wait for a lock times out; 410
                if the object that the first request wrote has been deleted. Errors of `work` are
                raised unchanged.
        """
        keyed = KeyedRequest.of(request, body)
        if keyed is None:
            outcome = await self.database.write(work, turn_of(request))
            return _response(dump_json(outcome.value))

        waits_for_the_first = False

        def once(connection: Connection) -> Response:
            nonlocal waits_for_the_first
            waits_for_the_first = True
            take_turns(connection, "key", keyed.scope, keyed.key)
            waits_for_the_first = False
            replayed = _replay(connection, keyed, rebuild)
            if replayed is not None:
                return replayed
            return self._keep(connection, keyed, work(connection))

        try:
            try:
                return await self.database.write(once, turn_of(request))
            except LostCommitError:
                return await self.database.write(once, turn_of(request))
        except DatabaseBusyError as error:
            if waits_for_the_first:
                raise in_use() from error
            raise

    async def written(self, keyed: KeyedRequest) -> str | None:
        """Return the ids of the objects that the first request with a key wrote; None if none did.

        Raises:
            ApiError: 422 or 410, as in `write_once`.
        """
        record = await self.database.read(partial(first_reply, keyed=keyed, locks=False))
        return None if record is None else str(record.object_id)

    def keep(self, connection: Connection, keyed: KeyedRequest, outcome: Outcome) -> None:
        """Store the reply to a request with a key, unless another process has stored one already.

        Args:
            connection: a connection in the write transaction that writes the rows.
            keyed: the request.
            outcome: the reply.
        """
        take_turns(connection, "key", keyed.scope, keyed.key)
        if not is_known(connection, keyed):
            self._keep(connection, keyed, outcome)

    def _keep(self, connection: Connection, keyed: KeyedRequest, outcome: Outcome) -> Response:
        """Store the reply to the first request with a key, and return it."""
        self.retention.count(connection)
        _prune.execute(connection, {})
        text = dump_json(outcome.value)
        stored = text if outcome.stored is None else dump_json(outcome.stored)
        _insert.execute(
            connection,
            {
                "scope": keyed.scope,
                "key": keyed.key,
                "request_hash": keyed.request_hash,
                "created_at": self.clock.unix_s(),
                "status": HTTPStatus.OK,
                "body": stored,
                "collection_id": outcome.collection_id,
                "object_id": outcome.object_ids,
            },
        )
        return _response(text)


def erase_replies(
    connection: Connection, partition: str, collection_id: str, object_id: str | None = None
) -> None:
    """Erase the stored replies that describe an object.

    Args:
        connection: a connection in a write transaction.
        partition: the partition.
        collection_id: the `Outcome.collection_id` of the replies.
        object_id: the id of the object; None to erase all replies with this `collection_id`.
    """
    statement = update(idempotency).where(
        idempotency.c.scope == partition, idempotency.c.collection_id == collection_id
    )
    if object_id is not None:
        listed = literal(" ").concat(idempotency.c.object_id).concat(" ")
        statement = statement.where(listed.contains(f" {object_id} ", autoescape=True))
    connection.execute(statement.values(body=None))


def _replay(
    connection: Connection, keyed: KeyedRequest, rebuild: Rebuild | None
) -> Response | None:
    record = first_reply(connection, keyed, locks=True)
    if record is None:
        return None
    text = record.body
    if rebuild is not None:
        stored = cast("JSON", load_json(text))
        if "object" not in stored:  # older versions of Backscroll stored the whole reply
            text = dump_json(rebuild(connection, record.object_id.split(), stored))
    response = _response(text, record.status)
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _response(text: str, status: int = HTTPStatus.OK) -> Response:
    return Response(text.encode(), status, media_type="application/json")
