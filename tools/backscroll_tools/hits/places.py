"""Where a scan continues, as the position in a cursor.

By time, it continues after a message. By relevance, the messages that one call can look at are
ranked together, so that the next page looks at them again: its position is where they begin, and
which of their hits were shown. The newest ones are part of it, so that later ones are left out.
"""

import hashlib
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Final, Self

from backscroll_tools.client.requests import ID
from backscroll_tools.errors import ToolError, invalid_arguments

FIRSTS: Final = 3
"""The number of the newest messages that a position names. If all of them are deleted, hits that
were added after the first page are found too."""

_DIGEST_BYTES: Final = 6
_DIGEST_CHARS: Final = 8
_SHAPE: Final = re.compile(
    r"s(?P<way>[ab])(?P<thread>[0-9]{1,3})\.(?P<key>[0-9]{1,3})\.(?P<rest>[A-Za-z0-9_.=-]*)"
)
_DIGESTS: Final = re.compile(
    rf"(?P<firsts>[0-{FIRSTS}])(?P<all>(?:[\w-]{{{_DIGEST_CHARS}}})*)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a scan continues.

    Attributes:
        thread_id: the thread that it continues in, or after; empty at the start, and if the search
            is for one thread.
        key: the key of the message that it continues after; empty for the thread's first one.
        passed: whether it continues after the thread, because all of it was looked at.
        firsts: digests of the newest messages that are part of the scan; empty if it does not begin
            with the newest.
        shown: digests of the hits after this place that were shown.
    """

    thread_id: str = ""
    key: str = ""
    passed: bool = False
    firsts: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()

    def encoded(self) -> str:
        """Return the place as the position of a cursor."""
        way = "a" if self.passed else "b"
        digests = "".join((*self.firsts, *self.shown))
        ranked = f"{len(self.firsts)}{digests}" if digests else ""
        ids = f"{len(self.thread_id)}.{len(self.key)}.{self.thread_id}{self.key}"
        return f"s{way}{ids}{ranked}"

    @classmethod
    def read(cls, position: str) -> Self:
        """Return the place that `encoded` returned; the start if the position is empty.

        Raises:
            ToolError: `invalid_arguments` if the position is of another kind.
        """
        if not position:
            return cls()
        found = _SHAPE.fullmatch(position)
        if found is None:
            raise _damaged()
        end = int(found["thread"])
        thread_id, rest = found["rest"][:end], found["rest"][end:]
        end = int(found["key"])
        key, ranked = rest[:end], rest[end:]
        digests = _DIGESTS.fullmatch(ranked)
        if any(each and not ID.fullmatch(each) for each in (thread_id, key)) or (
            ranked and digests is None
        ):
            raise _damaged()
        text, firsts = (digests["all"], int(digests["firsts"])) if digests else ("", 0)
        each = [text[at : at + _DIGEST_CHARS] for at in range(0, len(text), _DIGEST_CHARS)]
        return cls(thread_id, key, found["way"] == "a", tuple(each[:firsts]), tuple(each[firsts:]))


def digest(message_id: str) -> str:
    """Return eight characters that stand for a message's id."""
    raw = hashlib.blake2s(message_id.encode(), digest_size=_DIGEST_BYTES).digest()
    return urlsafe_b64encode(raw).decode()


def _damaged() -> ToolError:
    return invalid_arguments(
        "cursor is damaged, or was created when the upstream had search.",
        "Search again without cursor.",
    )
