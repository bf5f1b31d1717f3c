"""Idempotency keys, and the state they carry for upstreams that ignore them.

On such an upstream, any replica that repeats a call must know where to search for the message. So
the keys that we return carry that state after `~`, with a checksum that tells them from callers'
own keys: `token~thread~sDIGESTTIMEcheck` before the write, `token~thread~dDIGESTIDcheck` after it.
With `u` instead of `s`, the time is from the upstream's clock.
"""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, replace
from typing import Final

from backscroll_tools.client.upstream_clock import ClockName

TOKEN_CHARS: Final = 100
"""The most characters of a token; a longer key is replaced by its hash."""

KEY_CHARS: Final = 255
"""The most characters of a key."""

_CHECK_CHARS: Final = 4

NOTHING: Final = ""
"""The id to digest for a thread without messages."""

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
        token: identifies the write; 1 to 100 characters.
        given: whether the caller passed the key, so that the write may have been tried before.
        thread: the thread that was created for the message; empty if the caller names one.
        since: the digest of the id of the newest message before the write; empty until it is known.
        sent_at: when the message was sent without a reply, in Unix seconds; 0 if it never was.
        sent_by: the clock that `sent_at` is from: the upstream's, or the sending process's own.
        made: the id of the written message; empty until the message is known to be written.
        says: the digest of the message, as the caller passed it.
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
    """Return the 12-character digest that a key carries for an id or a message."""
    return _digest(text, 9)


def _check(body: str) -> str:
    return _digest(body, 3)


def _digest(text: str, size: int) -> str:
    raw = hashlib.blake2s(text.encode(), digest_size=size).digest()
    return base64.urlsafe_b64encode(raw).decode()
