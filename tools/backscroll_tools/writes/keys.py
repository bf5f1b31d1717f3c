"""Idempotency keys, and what they carry for an upstream that takes no notice of them.

There whoever repeats a call, on any replica, has to know where to look for what it may have
written. A key that is handed out says so behind `~`, with a check, so that no key of a caller's
own is taken for one: `token~thread~sMARKTIMEcheck` before, `token~thread~dMARKIDcheck` after. With
`u` in place of `s` the time is the upstream's own.
"""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, replace
from typing import Final

from backscroll_tools.client.upstream_clock import ClockName

TOKEN_CHARS: Final = 100
"""The most characters of a token; a longer key is told by its hash."""

KEY_CHARS: Final = 255
"""The most characters of a key."""

_CHECK_CHARS: Final = 4

NOTHING: Final = ""
"""Stands for the newest message of a thread that has none."""

_CARRIED: Final = re.compile(
    r"(?P<token>.+)~(?P<thread>[A-Za-z0-9_.=-]*)~"
    r"(?:(?P<clock>[su])(?P<since>[\w-]{12})(?P<sent_at>[0-9a-f]{9})|d(?P<says>[\w-]{12})(?P<made>[\w.=-]+))"
    r"(?P<check>[\w-]{4})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """An idempotency key.

    Attributes:
        token: what tells this write from any other; 1 to 100 characters.
        given: whether the caller passed it, so that the write may have been tried before.
        thread: the thread that was begun for the message; empty where the caller names one.
        since: the mark of the newest message before the write; empty as long as none is noted.
        sent_at: when the message was sent with no answer, in Unix seconds; 0 if it never was.
        sent_by: whose clock told that: the upstream's, or the wall clock of the process that sent.
        made: the id of the message that was written; empty as long as it is not known to be.
        says: the mark of what it says.
    """

    token: str
    given: bool = False
    thread: str = ""
    since: str = ""
    sent_at: int = 0
    sent_by: ClockName = "wall"
    made: str = ""
    says: str = ""

    def __str__(self) -> str:
        """Return the key as a caller passes it; at most 255 characters."""
        clock = "u" if self.sent_by == "upstream" else "s"
        started = f"{clock}{self.since}{self.sent_at:09x}" if self.since else ""
        done = f"d{self.says}{self.made}" if self.made else started
        for fields in (done, started):
            body = f"{self.token}~{self.thread}~{fields}"
            if fields and len(body) + _CHECK_CHARS <= KEY_CHARS:
                return body + _check(body)
        return self.token


def mint() -> str:
    """Return a new key."""
    return secrets.token_urlsafe(16)


def read(argument: str) -> IdempotencyKey:
    """Return the key that a call passed."""
    found = _CARRIED.fullmatch(argument)
    if found and found["check"] == _check(argument[:-_CHECK_CHARS]):
        key = IdempotencyKey(found["token"], given=True, thread=found["thread"])
        if found["made"]:
            return replace(key, made=found["made"], says=found["says"])
        sent_by: ClockName = "upstream" if found["clock"] == "u" else "wall"
        sent_at = int(found["sent_at"], 16)
        return replace(key, since=found["since"], sent_at=sent_at, sent_by=sent_by)
    if len(argument) > TOKEN_CHARS:
        return IdempotencyKey(hashlib.sha256(argument.encode()).hexdigest(), given=True)
    return IdempotencyKey(argument, given=True)


def mark(text: str) -> str:
    """Return what stands in a key for an id, or for what a message says: 12 characters."""
    return _digest(text, 9)


def _check(body: str) -> str:
    return _digest(body, 3)


def _digest(text: str, size: int) -> str:
    raw = hashlib.blake2s(text.encode(), digest_size=size).digest()
    return base64.urlsafe_b64encode(raw).decode()
