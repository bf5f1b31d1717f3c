"""Bearer tokens in the store's database, which all replicas share. Only their hashes are stored.

A token has 256 random bits and cannot be guessed, so SHA-256 without salt or stretching is enough
(NIST SP 800-63B, section 5.1.2.2: look-up secrets with at least 112 bits of entropy).
"""

import hashlib
import hmac
import secrets
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, Row, insert, select, update

from backscroll.database.schema import tokens

PREFIX: Final = "bks_"
"""The prefix of every token, by which secret scanners can recognise leaked tokens."""

REQUESTED: Final = ("read", "write")
"""The scopes that OAuth clients are told to request.

The scope `admin` is not among them, so that a client has it only if an operator grants it.
"""

SCOPES: Final = (*REQUESTED, "admin")
SECRET_BYTES: Final = 32
MOST_LISTED: Final = 10_000


class Token(Struct, frozen=True):
    """The record of a token, without the token itself.

    Attributes:
        id: identifies the token. It is not a secret.
        name: the name of the token's user.
        scopes: any of `read`, `write` and `admin`.
        toolsets: the toolsets that the token may use.
        partition: the partition of the store that the token may use; empty for the default one.
        upstream_key_variable: the environment variable with the user's key to the upstream; empty
            if the user has no key of their own.
        created_at: in Unix seconds.
        expires_at: in Unix seconds; None if it never expires.
        revoked_at: in Unix seconds; None if it is not revoked.
    """

    id: str
    name: str
    scopes: tuple[str, ...]
    toolsets: tuple[str, ...]
    partition: str
    upstream_key_variable: str
    created_at: int
    expires_at: int | None
    revoked_at: int | None = None

    def is_valid(self, now: float) -> bool:
        """Return whether the token is valid at `now`, in Unix seconds."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def new_secret() -> str:
    """Return a new token: `bks_` and 43 letters, digits, `-` or `_`."""
    return PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> str:
    """Return a token's SHA-256 hash, in hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def add(connection: Connection, token: Token, secret: str) -> None:
    """Insert a new token."""
    connection.execute(
        insert(tokens).values(
            id=token.id,
            digest=digest(secret),
            name=token.name,
            scopes=list(token.scopes),
            toolsets=list(token.toolsets),
            partition=token.partition,
            upstream_key_variable=token.upstream_key_variable or None,
            created_at=token.created_at,
            expires_at=token.expires_at,
        )
    )


def find(connection: Connection, secret: str) -> Token | None:
    """Return the record of a token, or None if the database has no such token.

    The record may be of an expired or revoked token.
    """
    wanted = digest(secret)
    row = connection.execute(select(tokens).where(tokens.c.digest == wanted)).one_or_none()
    # The database compares only hashes, so its timing reveals nothing about the token. The hashes
    # are compared again because a database collation may treat different text as equal.
    if row is None or not hmac.compare_digest(str(row.digest), wanted):
        return None
    return _token(row)


def listed(connection: Connection) -> list[Token]:
    """Return at most `MOST_LISTED` tokens, oldest first."""
    rows = connection.execute(
        select(tokens).order_by(tokens.c.created_at, tokens.c.id).limit(MOST_LISTED)
    )
    return [_token(row) for row in rows]


def revoke(connection: Connection, name: str, now: int) -> list[str]:
    """Revoke all tokens with this id or name. Return the ids of the tokens that were revoked."""
    rows = connection.execute(
        update(tokens)
        .where((tokens.c.id == name) | (tokens.c.name == name), tokens.c.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(tokens.c.id)
    )
    return sorted(str(row.id) for row in rows)


def _token(row: Row[tuple[object, ...]]) -> Token:
    """Convert a row to a `Token`. A malformed list becomes empty, and a malformed time 0."""
    return Token(
        id=str(row.id),
        name=str(row.name),
        scopes=_strings(row.scopes),
        toolsets=_strings(row.toolsets),
        partition=str(row.partition),
        upstream_key_variable=str(row.upstream_key_variable or ""),
        created_at=_time(row.created_at) or 0,
        expires_at=_time(row.expires_at),
        revoked_at=_time(row.revoked_at),
    )


def _strings(stored: object) -> tuple[str, ...]:
    if not isinstance(stored, list):
        return ()
    return tuple(word for word in stored if isinstance(word, str))


def _time(stored: object) -> int | None:
    """Return a stored time. A malformed value becomes 0, so that the token counts as expired."""
    return stored if stored is None or isinstance(stored, int) else 0
