"""Idempotency keys, and what they carry for an upstream that takes no notice of them.

There the message that was the newest before a write has to be known to whoever repeats the call,
on any replica: a key that is handed out carries its mark behind `~`, with a check, so that no key
of a caller's own is taken for one.
"""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Final

TOKEN_CHARS: Final = 200
"""The most characters of a token: with a mark and its check a key has at most 255."""

NOTHING: Final = ""
"""Stands for the newest message of a thread that has none."""

_CARRIED: Final = re.compile(r"(?P<token>.+)~(?P<mark>[\w-]{12})(?P<check>[\w-]{4})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key.

    Attributes:
        token: what tells this write from any other; 1 to 200 characters.
        since: the mark of the newest message before the write; None where the key has none.
        given: whether the caller passed it, so that the write may have been tried before.
    """

    token: str
    since: str | None = None
    given: bool = False

    def __str__(self) -> str:
        """Return the key as a caller passes it; at most 255 characters."""
        if self.since is None:
            return self.token
        return f"{self.token}~{self.since}{_digest(self.token + self.since, 3)}"


def mint() -> str:
    """Return a new key."""
    return secrets.token_urlsafe(16)


def read(argument: str | None) -> Key:
    """Return the key of a call: the one that it passed, or a new one."""
    if argument is None:
        return Key(mint())
    found = _CARRIED.fullmatch(argument)
    if found and found["check"] == _digest(found["token"] + found["mark"], 3):
        return Key(found["token"], found["mark"], given=True)
    if len(argument) > TOKEN_CHARS:
        return Key(hashlib.sha256(argument.encode()).hexdigest(), given=True)
    return Key(argument, given=True)


def mark(message_id: str) -> str:
    """Return what stands for a message in a key: 12 characters, whatever its id."""
    return _digest(message_id, 9)


def _digest(text: str, size: int) -> str:
    raw = hashlib.blake2s(text.encode(), digest_size=size).digest()
    return base64.urlsafe_b64encode(raw).decode()
