"""Identifies callers by bearer tokens that Backscroll issued."""

import logging
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from backscroll.database import tokens
from backscroll.database.faults import NothingWrittenError
from backscroll.database.port import Database
from backscroll.database.tokens import Token
from backscroll.http.auth.callers import Caller, bearer, insufficient, unauthorized
from backscroll.http.refusals import RefusedError

KEPT_S: Final = 2.0
"""The time for which a token is cached, in seconds. A revoked token may be accepted for this
long."""

LOGGED_S: Final = 10.0
"""While the database fails, this is the minimum time between two log lines, in seconds."""

_log: Final = logging.getLogger(__name__)
_KEPT: Final = 1024
_SECRET: Final = re.compile(re.escape(tokens.PREFIX) + r"[A-Za-z0-9_-]{43}")


class TokenCallers:
    """Identifies callers by the tokens in a database.

    Args:
        database: the database with the tokens, which all replicas share.
        clock: returns the time, in Unix seconds.
        kept_s: the time for which a token is cached, in seconds.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], float] = time.time,
        kept_s: float = KEPT_S,
    ) -> None:
        self._database = database
        self._clock = clock
        self._kept_s = kept_s
        self._found: dict[str, tuple[float, Token]] = {}
        self._logs_from = float("-inf")

    async def caller(self, authorization: str) -> Caller:
        """Return the caller to whom a token belongs.

        Raises:
            RefusedError: 401 if the token is missing, unknown, expired or revoked; 403 if it lacks
                the scope `read`; 503 if the database does not respond.
        """
        secret = bearer(authorization)
        if not secret:
            raise unauthorized("A bearer token is required.", sent=bool(authorization))
        token = await self._token(secret) if _SECRET.fullmatch(secret) else None
        if token is None or not token.is_valid(self._clock()):
            raise unauthorized("The token is unknown, has expired or was revoked.", sent=True)
        if "read" not in token.scopes:
            raise insufficient("read")
        return Caller(
            id=token.id,
            name=token.name,
            writes="write" in token.scopes,
            administers="admin" in token.scopes,
            toolsets=token.toolsets,
            partition=token.partition,
            key_variable=token.upstream_key_variable,
        )

    async def _token(self, secret: str) -> Token | None:
        now = time.monotonic()
        digest = tokens.digest(secret)
        until, kept = self._found.get(digest, (now, None))
        if now < until:
            return kept
        try:
            token = await self._database.read(lambda connection: tokens.find(connection, secret))
        except (NothingWrittenError, SQLAlchemyError) as error:
            self._log(error, now)
            sentence = "Tokens cannot be looked up right now. Try again in 1 s."
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE, sentence, {"Retry-After": "1"}
            ) from None
        self._found.pop(digest, None)
        if token is not None:
            if len(self._found) >= _KEPT:
                self._found.clear()
            self._found[digest] = (now + self._kept_s, token)
        return token

    def _log(self, error: Exception, now: float) -> None:
        if now >= self._logs_from:
            self._logs_from = now + LOGGED_S
            # Do not log the text of SQLAlchemy's errors, because it may quote data.
            why = error if isinstance(error, NothingWrittenError) else type(error).__name__
            _log.error("tokens cannot be looked up: %s", why)
