"""Creates, lists and revokes tokens for callers over HTTP."""

import re
import time
from typing import Final

from backscroll.commands.local_store import opened_tokens
from backscroll.database import tokens
from backscroll.database.tokens import SCOPES, Token
from backscroll.process.exits import CommandError
from backscroll.settings.model import TOOLSETS
from backscroll.store.envelopes import is_partition
from backscroll.store.ids import new_token_id

NEVER: Final = "never"
_UNITS: Final = {"m": 60, "h": 3_600, "d": 86_400, "y": 365 * 86_400}
MOST_S: Final = 100 * _UNITS["y"]
"""The maximum lifetime of a token, in seconds, unless the token never expires."""

_DURATION: Final = re.compile(r"([1-9][0-9]{0,5})([mhdy])")
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def seconds(duration: str) -> int | None:
    """Return a duration such as `12h`, `90d` or `1y` in seconds; None for `never`.

    Raises:
        CommandError: the text is not a duration, or is longer than 100 years.
    """
    if duration == NEVER:
        return None
    found = _DURATION.fullmatch(duration)
    if found is None:
        raise CommandError(f"--expires must be like 12h, 90d or 1y, or never, not {duration!r}")
    lasts_s = int(found[1]) * _UNITS[found[2]]
    if lasts_s > MOST_S:
        raise CommandError(
            f"--expires must be at most 100y, not {duration}; use never for no limit"
        )
    return lasts_s


def new_token(  # noqa: PLR0913 - parameters are fields of a token
    name: str,
    *,
    scopes: str = "read",
    toolsets: str = "all",
    expires: str = "90d",
    partition: str = "",
    key_variable: str = "",
) -> Token:
    """Return a new token. It is not stored yet.

    Args:
        name: the caller's name: at most 64 letters, digits, `_`, `.`, `@` and `-`.
        scopes: one or more of `read`, `write` and `admin`, comma-separated.
        toolsets: the toolsets, comma-separated; `all` for all that the server offers.
        expires: a duration as in `seconds`, or `never`.
        partition: the caller's partition of the store; empty for the shared partition.
        key_variable: the name of the environment variable with the caller's key to the upstream;
            empty if the caller uses the operator's key.

    Raises:
        CommandError: a value is invalid.
    """
    if not _NAME.fullmatch(name):
        raise CommandError(
            f"a token's name must be 1 to 64 letters, digits, '_', '.', '@' or '-', not {name!r}"
        )
    if partition and not is_partition(partition):
        raise CommandError(
            f"--partition must be 1 to 128 letters, digits, '_', '.', '=' or '-', not {partition!r}"
        )
    if key_variable and not _VARIABLE.fullmatch(key_variable):
        raise CommandError(
            "--upstream-key-variable must be the NAME of an environment variable, not the key"
        )
    now, lasts_s = int(time.time()), seconds(expires)
    return Token(
        id=new_token_id(),
        name=name,
        scopes=_words("--scopes", scopes, SCOPES),
        toolsets=_words("--toolsets", toolsets, TOOLSETS),
        partition=partition,
        upstream_key_variable=key_variable,
        created_at=now,
        expires_at=None if lasts_s is None else now + lasts_s,
    )


async def issue(database: str, token: Token) -> str:
    """Store the record of a token, and return its secret. The secret itself is not stored.

    Raises:
        OperatorError: the database cannot be used, or fails.
    """
    secret = tokens.new_secret()
    async with opened_tokens(database) as opened:
        await opened.write(lambda connection: tokens.add(connection, token, secret))
    return secret


async def listed(database: str) -> list[Token]:
    """Return all tokens, oldest first.

    Raises:
        OperatorError: as in `issue`.
    """
    async with opened_tokens(database) as opened:
        return await opened.read(tokens.listed)


async def revoke(database: str, name: str) -> list[str]:
    """Revoke all tokens whose id or name is `name`, and return their ids.

    Raises:
        OperatorError: as in `issue`.
    """
    now = int(time.time())
    async with opened_tokens(database) as opened:
        return await opened.write(lambda connection: tokens.revoke(connection, name, now))


def _words(option: str, text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    if not set(words) <= set(known):
        raise CommandError(
            f"{option} must be a comma-separated list of {', '.join(known)}, not {text!r}"
        )
    return words
