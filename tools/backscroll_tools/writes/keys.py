"""Idempotency keys. If the upstream ignores them, a key also contains the state of the write.

A repeated call may reach another replica of this server, which needs the state to search for the
message. So the keys that we return contain the state. They also contain a checksum, which
distinguishes them from keys that a caller made up:

    token~thread~sDIGESTTIMEcheck  not known to be written; TIME is from a wall clock
    token~thread~uDIGESTTIMEcheck  the same, but TIME is from the upstream's clock
    token~thread~dDIGESTIDcheck    written; ID is the message's id
"""

import base64
import hashlib
import re
import secrets
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools.client.upstream_clock import ClockName

TOKEN_CHARS: Final = 100
"""The maximum length of a token, in characters. If a caller's key is longer, its hash is the token.
"""

KEY_CHARS: Final = 255
"""The maximum length of a key, in characters."""

_CHECK_CHARS: Final = 4

NOTHING: Final = ""
"""The text that is hashed in place of the newest message's id if a thread has no messages."""

_CARRIED: Final = re.compile(
    r"(?P<token>.+)~(?P<thread>[A-Za-z0-9_.=-]*)~"
    r"(?:(?P<clock>[su])(?P<newest>[\w-]{12})(?P<sent_at>[0-9a-f]{9})|d(?P<digest>[\w-]{12})(?P<id>[\w.=-]+))"
    r"(?P<check>[\w-]{4})",
    re.ASCII,
)


class IdempotencyKey(Struct, frozen=True):
    """An idempotency key.

    Attributes:
        token: identifies the write; 1 to 100 characters.
        given: whether the caller passed the key. If so, an earlier call may have used it too.
        thread: the thread that was created for the message; empty if the caller names a thread.
        newest_digest: the digest of the id of the message that was the newest one before the write;
            empty until it is known.
        sent_at: when the message was last sent, in Unix seconds; 0 if it was not sent or if the
            upstream refused it.
        sent_by: the clock of `sent_at`: the upstream's, or the wall clock of the sending process.
        message_id: the id of the written message; empty until the write is confirmed.
        message_digest: the digest of the message, as the caller passed it.
    """

    token: str
    given: bool = False
    thread: str = ""
    newest_digest: str = ""
    sent_at: int = 0
    sent_by: ClockName = "wall"
    message_id: str = ""
    message_digest: str = ""

    def __str__(self) -> str:
        """Return the key as the text that callers pass; at most 255 characters."""
        clock = "u" if self.sent_by == "upstream" else "s"
        started = f"{clock}{self.newest_digest}{self.sent_at:09x}" if self.newest_digest else ""
        done = f"d{self.message_digest}{self.message_id}" if self.message_id else started
        for fields in (done, started):
            body = f"{self.token}~{self.thread}~{fields}"
            if fields and len(body) + _CHECK_CHARS <= KEY_CHARS:
                return body + _check(body)
        return self.token


def mint() -> str:
    """Return a new random key."""
    return secrets.token_urlsafe(16)


def read(argument: str) -> IdempotencyKey:
    """Return the parsed key from a call's `idempotency_key` argument."""
    found = _CARRIED.fullmatch(argument)
    if found and found["check"] == _check(argument[:-_CHECK_CHARS]):
        key = IdempotencyKey(found["token"], given=True, thread=found["thread"])
        if found["id"]:
            return replace(key, message_id=found["id"], message_digest=found["digest"])
        sent_by: ClockName = "upstream" if found["clock"] == "u" else "wall"
        sent_at = int(found["sent_at"], 16)
        return replace(key, newest_digest=found["newest"], sent_at=sent_at, sent_by=sent_by)
    if len(argument) > TOKEN_CHARS:
        return IdempotencyKey(hashlib.sha256(argument.encode()).hexdigest(), given=True)
    return IdempotencyKey(argument, given=True)


def digest(text: str) -> str:
    """Return the digest of an id or a message for use in a key: 12 characters."""
    return _hash(text, 9)


def _check(body: str) -> str:
    return _hash(body, 3)


def _hash(text: str, size: int) -> str:
    raw = hashlib.blake2s(text.encode(), digest_size=size).digest()
    return base64.urlsafe_b64encode(raw).decode()
