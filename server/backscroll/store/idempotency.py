"""Exactly-once POSTs: a key, and the reply that it was first answered with.

The reply is stored in the transaction that makes the rows, so there is either both or neither, and
two requests with one key are put in turn: the second waits for the first, and replays it. Only
success is stored. A record is kept for `KEPT_S` seconds at least, whatever the time of day is
anywhere (`retention`); each write with a key removes a few that are older. When the object that a
reply describes is deleted, its reply is erased too; a reply that lists several is erased with the
first of them that is.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, literal, select, tuple_, update
from starlette.requests import Request
from starlette.responses import Response

from backscroll.database.faults import DatabaseBusyError
from backscroll.database.json_text import dump_json
from backscroll.database.locks import take_turns
from backscroll.database.port import Database
from backscroll.database.schema import idempotency
from backscroll.store.api_errors import ApiError, invalid_value
from backscroll.store.clock import Clock
from backscroll.store.envelopes import JSON, partition_of, turn_of
from backscroll.store.retention import ELAPSED_MS, RetentionClock, gone_before_ms

KEPT_S: Final = 24 * 60 * 60
_PRUNED_PER_WRITE: Final = 8
_MAX_KEY: Final = 255

_find: Final = select(
    idempotency.c.request_hash, idempotency.c.status, idempotency.c.body, idempotency.c.object_id
).where(idempotency.c.scope == bindparam("scope"), idempotency.c.key == bindparam("key"))
_insert: Final = insert(idempotency).values(kept_since_ms=ELAPSED_MS)
_oldest: Final = (
    select(idempotency.c.scope, idempotency.c.key)
    .where(idempotency.c.kept_since_ms < ELAPSED_MS - gone_before_ms(KEPT_S))
    .order_by(idempotency.c.kept_since_ms)
    .limit(_PRUNED_PER_WRITE)
    .with_for_update(skip_locked=True)  # what another write removes, this one need not wait for
)
_prune: Final = delete(idempotency).where(
    tuple_(idempotency.c.scope, idempotency.c.key).in_(_oldest)
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a write answers.

    Attributes:
        value: the reply's JSON: an object with an `id`, or a list envelope of such.
        collection_id: the thread or conversation that the object belongs to, or its own id.
    """

    value: JSON
    collection_id: str

    @property
    def object_ids(self) -> str:
        """The ids of the objects that the reply describes, with spaces between them."""
        return " ".join(each["id"] for each in self.value.get("data", [self.value]))


@dataclass(frozen=True, slots=True)
class IdempotencyKeys:
    """The keys that a database holds, and what each of them made.

    Attributes:
        database: written to.
        clock: the process's clocks.
        retention: counts the time that keys are kept.
    """

    database: Database
    clock: Clock
    retention: RetentionClock

    async def write_once(
        self,
        request: Request,
        body: bytes,
        work: Callable[[Connection], Outcome],
    ) -> Response:
        """Run `work` in one transaction and answer with its outcome, or with the first one's.

        Args:
            request: its `Idempotency-Key`, when present, is 1-255 printable ASCII characters.
            body: the request's body, as it came.
            work: makes the rows.

        Raises:
            ApiError: 400 for a malformed key, 422 for one that another request was sent with, 409
                for one whose first request is still at work after the engine's wait for a lock, 410
                when what the key made has been deleted since; and whatever `work` raises.
        """
        key = request.headers.get("idempotency-key")
        if key is None:
            outcome = await self.database.write(work, turn_of(request))
            return _response(dump_json(outcome.value))
        if not (1 <= len(key) <= _MAX_KEY and key.isascii() and key.isprintable()):
            message = "Invalid 'Idempotency-Key': expected 1 to 255 printable ASCII characters."
            raise invalid_value("Idempotency-Key", message, code="invalid_idempotency_key")
        scope = partition_of(request)
        identity = f"{request.method} {request.url.path}\n".encode() + body
        request_hash = hashlib.sha256(identity).hexdigest()

        waits_for_the_first = False

        def once(connection: Connection) -> Response:
            nonlocal waits_for_the_first
            waits_for_the_first = True
            take_turns(connection, "key", scope, key)
            waits_for_the_first = False
            replayed = _replay(connection, scope, key, request_hash)
            if replayed is not None:
                return replayed
            self.retention.count(connection)
            connection.execute(_prune)
            outcome = work(connection)
            text = dump_json(outcome.value)
            connection.execute(
                _insert,
                {
                    "scope": scope,
                    "key": key,
                    "request_hash": request_hash,
                    "created_at": self.clock.unix_s(),
                    "status": HTTPStatus.OK,
                    "body": text,
                    "collection_id": outcome.collection_id,
                    "object_id": outcome.object_ids,
                },
            )
            return _response(text)

        try:
            return await self.database.write(once, turn_of(request))
        except DatabaseBusyError as error:
            if waits_for_the_first:
                raise _in_use() from error
            raise


def erase_replies(
    connection: Connection, partition: str, collection_id: str, object_id: str | None = None
) -> None:
    """Erase the stored replies about an object, or about all objects of a collection."""
    statement = update(idempotency).where(
        idempotency.c.scope == partition, idempotency.c.collection_id == collection_id
    )
    if object_id is not None:
        listed = literal(" ").concat(idempotency.c.object_id).concat(" ")
        statement = statement.where(listed.contains(f" {object_id} ", autoescape=True))
    connection.execute(statement.values(body=None))


def _in_use() -> ApiError:
    message = "The first request with this Idempotency-Key is still at work: try again."
    return ApiError(
        HTTPStatus.CONFLICT,
        message,
        param="Idempotency-Key",
        code="idempotency_key_in_use",
        headers={"Retry-After": "1"},
    )


def _replay(connection: Connection, scope: str, key: str, request_hash: str) -> Response | None:
    bound = {"scope": scope, "key": key}
    record = connection.execute(_find, bound).one_or_none()
    if record is None:
        return None
    if record.request_hash != request_hash:
        message = "This Idempotency-Key was already used with another request: use a new key."
        raise ApiError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            message,
            param="Idempotency-Key",
            code="idempotency_key_reused",
        )
    if record.body is None:
        message = f"What this Idempotency-Key made, '{record.object_id}', was deleted since."
        raise ApiError(
            HTTPStatus.GONE, message, param="Idempotency-Key", code="idempotent_object_deleted"
        )
    response = _response(record.body, record.status)
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _response(text: str, status: int = HTTPStatus.OK) -> Response:
    return Response(text.encode(), status, media_type="application/json")
