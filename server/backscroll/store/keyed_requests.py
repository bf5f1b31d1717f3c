"""Requests with an idempotency key, and the stored reply to the first request with the same key."""

import hashlib
from http import HTTPStatus
from typing import Final, NamedTuple, Self

from msgspec import Struct
from sqlalchemy import Connection, bindparam, select
from starlette.requests import Request

from backscroll.database.compiled import CompiledStatement
from backscroll.database.schema import idempotency
from backscroll.store.api_errors import ApiError, invalid_value
from backscroll.store.envelopes import partition_of

HEADER: Final = "idempotency-key"

_MAX_KEY: Final = 255

_look = select(
    idempotency.c.request_hash,
    idempotency.c.status,
    idempotency.c.body,
    idempotency.c.object_id,
).where(idempotency.c.scope == bindparam("scope"), idempotency.c.key == bindparam("key"))
_read: Final = CompiledStatement(_look)
_lock: Final = CompiledStatement(_look.with_for_update())
"""Finds a stored reply in a write transaction. On PostgreSQL, the lock is written to the log, so a
replay's commit waits for the synchronous standby. The first commit may not have waited, because
its connection was lost or the server was restarted (PostgreSQL's documentation, "Synchronous
Replication")."""


class KeyedRequest(Struct, frozen=True):
    """A request that has an idempotency key.

    Attributes:
        scope: the partition. A key is unique in its partition.
        key: the key.
        request_hash: a hash of the method, path and body.
    """

    scope: str
    key: str
    request_hash: str

    @classmethod
    def of(cls, request: Request, body: bytes) -> Self | None:
        """Return the request with its key, or None if the request has no key.

        Raises:
            ApiError: 400 for a malformed key or partition.
        """
        key = request.headers.get(HEADER)
        if key is None:
            return None
        if not (1 <= len(key) <= _MAX_KEY and key.isascii() and key.isprintable()):
            message = "Invalid 'Idempotency-Key': expected 1 to 255 printable ASCII characters."
            raise invalid_value("Idempotency-Key", message, code="invalid_idempotency_key")
        identity = f"{request.method} {request.url.path}\n".encode() + body
        return cls(partition_of(request), key, hashlib.sha256(identity).hexdigest())


class FirstReply(NamedTuple):
    """The stored reply to the first request with a key.

    Attributes:
        status: the HTTP status.
        body: the JSON that `idempotency` stores.
        object_id: the ids of the objects in the reply, separated by spaces.
    """

    status: int
    body: str
    object_id: str


def first_reply(connection: Connection, keyed: KeyedRequest, *, locks: bool) -> FirstReply | None:
    """Return the stored reply to the first request with a key; None if there was none.

    Args:
        connection: a connection.
        keyed: the request.
        locks: whether the connection is in a write transaction, which then waits for the standby.

    Raises:
        ApiError: 422 if it was a different request; 410 if its object was deleted.
    """
    bound = {"scope": keyed.scope, "key": keyed.key}
    found = (_lock if locks else _read).execute(connection, bound)
    if not found:
        return None
    [(request_hash, status, body, object_id)] = found
    if request_hash != keyed.request_hash:
        message = "This Idempotency-Key was already used with a different request. Use a new key."
        raise ApiError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            message,
            param="Idempotency-Key",
            code="idempotency_key_reused",
        )
    if body is None:
        message = f"'{object_id}', created with this Idempotency-Key, has been deleted."
        raise ApiError(
            HTTPStatus.GONE, message, param="Idempotency-Key", code="idempotent_object_deleted"
        )
    return FirstReply(status, body, object_id)


def is_known(connection: Connection, keyed: KeyedRequest) -> bool:
    """Whether the reply to a request with the same key is stored."""
    bound = {"scope": keyed.scope, "key": keyed.key}
    return bool(_lock.execute(connection, bound))


def in_use() -> ApiError:
    """Return the 409 for a key whose first request is still running."""
    message = "The first request with this Idempotency-Key is still running. Try again."
    return ApiError(
        HTTPStatus.CONFLICT,
        message,
        param="Idempotency-Key",
        code="idempotency_key_in_use",
        headers={"Retry-After": "1"},
    )
