"""The position at which a scan of messages continues. A cursor contains it as text.

If hits are ordered by time, the position names the message to continue after, and the words of the
query that a hit must have. If hits are ordered by relevance, all messages that one call can read
are ranked together, and the next page reads and ranks the same messages again. The position then
names the start of these messages and the hits that were already shown. It also names the newest of
these messages, so that messages added later are ignored.
"""

import hashlib
import re
from base64 import urlsafe_b64encode
from typing import Final, Self

from msgspec import Struct

from backscroll_tools.client.requests import ID
from backscroll_tools.errors import ToolError, invalid_arguments

FIRSTS: Final = 3
"""How many of the newest messages a position names. If all of them are deleted, hits that were
added after the first page are no longer ignored."""

_DIGEST_BYTES: Final = 6
_DIGEST_CHARS: Final = 8
_SHAPE: Final = re.compile(
    r"s(?P<way>[ab])(?:(?P<words>[0-9a-f]{1,15})w)?(?P<thread>[0-9]{1,3})\.(?P<key>[0-9]{1,3})\.(?P<rest>[A-Za-z0-9_.=-]*)"
)
_DIGESTS: Final = re.compile(
    rf"(?P<firsts>[0-{FIRSTS}])(?P<all>(?:[\w-]{{{_DIGEST_CHARS}}})*)", re.ASCII
)


class ScanPosition(Struct, frozen=True):
    """The position at which a scan continues.

    Attributes:
        thread_id: the thread in which to continue or, if `passed` is true, after which to continue;
            empty at the start of the scan, and if the call names a thread.
        key: the key of the message to continue after; empty to start with the first message.
        passed: whether to continue after the thread, because all of its messages were read.
        firsts: digests of the ids of the newest messages, if hits are ordered by relevance and the
            scan starts with the newest message; otherwise empty.
        shown: digests of the ids of the hits after this position that earlier pages have shown.
        words: the words that a message must contain to be a hit, if hits are ordered by time. `0`:
            all words of the query. Any other number: at least one of the words in this bit mask
            (`search.match.bits`). The first page with hits sets this value; before that page, it
            is None. It stays None if every matching message is a hit (`Scan.selects`).
    """

    thread_id: str = ""
    key: str = ""
    passed: bool = False
    firsts: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    words: int | None = None

    def encoded(self) -> str:
        """Return this position as text for a cursor."""
        way = "a" if self.passed else "b"
        if self.words is not None:
            way += f"{self.words:x}w"
        digests = "".join((*self.firsts, *self.shown))
        ranked = f"{len(self.firsts)}{digests}" if digests else ""
        ids = f"{len(self.thread_id)}.{len(self.key)}.{self.thread_id}{self.key}"
        return f"s{way}{ids}{ranked}"

    @classmethod
    def read(cls, position: str) -> Self:
        """Return the position from a text that `encoded` returned; the start if the text is empty.

        Raises:
            ToolError: `invalid_arguments` if the text is not from `encoded`.
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
        return cls(
            thread_id,
            key,
            found["way"] == "a",
            tuple(each[:firsts]),
            tuple(each[firsts:]),
            None if found["words"] is None else int(found["words"], 16),
        )


def digest(message_id: str) -> str:
    """Return a digest of a message's id; eight characters."""
    raw = hashlib.blake2s(message_id.encode(), digest_size=_DIGEST_BYTES).digest()
    return urlsafe_b64encode(raw).decode()


def _damaged() -> ToolError:
    return invalid_arguments(
        "cursor is damaged, or was created when the upstream had search.",
        "Search again without cursor.",
    )
