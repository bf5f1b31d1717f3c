"""Remembers one caller's earlier writes, for later calls with the same idempotency key."""

from dataclasses import dataclass, replace
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

from backscroll_tools.client.client import Client
from backscroll_tools.client.upstream_clock import UpstreamClock
from backscroll_tools.writes.keys import IdempotencyKey

V = TypeVar("V")

REMEMBERED: Final = 1_000
"""The maximum number of writes, and of created messages, that a journal remembers by default."""


@dataclass(frozen=True, slots=True)
class Record:
    """The known state of a write.

    Attributes:
        key: the idempotency key, which carries the state between processes.
        seen_at: when this process last sent the message, or learned that it was sent, in
            monotonic seconds.
        dated: whether the age is also computed from the time in the key. It is not if this process
            has sent the message, because `seen_at` is then exact even if a wall clock changes.
    """

    key: IdempotencyKey
    seen_at: float
    dated: bool = True

    def age_s(self, clock: UpstreamClock) -> float:
        """Return the minimum time since the message was sent, in seconds."""
        here_s = clock.monotonic() - self.seen_at
        if not self.dated:
            return here_s
        return max(here_s, clock.age_s(self.key.sent_at, self.key.sent_by))

    def merged(self, known: "Record") -> "Record":
        """Return the newer of two records of one write.

        This record comes from the caller's key, which another process may have updated.

        Args:
            known: the record in this process's journal.
        """
        theirs, ours = self.key, known.key
        if theirs.message_id or ours.message_id:
            later = self if theirs.message_id else known
        elif (theirs.sent_at, theirs.sent_by) == (ours.sent_at, ours.sent_by):
            later = known if ours.newest_digest else self
        elif not theirs.sent_at or not ours.sent_at:
            later = self if theirs.sent_at else known
        elif theirs.sent_by != ours.sent_by:
            later = replace(self, dated=False)  # times of two clocks cannot be compared
        else:
            later = self if theirs.sent_at > ours.sent_at else known
        return replace(later, key=replace(later.key, given=theirs.given))


class Journal:
    """Remembers writes by key, and the write that created each message. Forgets the oldest first.

    Args:
        most: the maximum number of writes, and of created messages, to remember.
    """

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._records: dict[tuple[str, str], Record] = {}
        self._writers: dict[tuple[str, str], str] = {}

    def known(self, thread: str, token: str) -> Record | None:
        """Return the record of a write, or None.

        Args:
            thread: the call's thread; empty if the call did not name one.
            token: the token of the write's key.
        """
        return self._records.get((thread, token))

    def note(self, thread: str, record: Record) -> None:
        """Remember the record of a write."""
        self._remember(self._records, (thread, record.key.token), record)

    def writer(self, thread: str, message_id: str) -> str | None:
        """Return the token of the write that created a message, or None."""
        return self._writers.get((thread, message_id))

    def note_writer(self, thread: str, message_id: str, token: str) -> None:
        """Remember which write created a message."""
        self._remember(self._writers, (thread, message_id), token)

    def _remember(self, kept: dict[tuple[str, str], V], name: tuple[str, str], value: V) -> None:
        kept.pop(name, None)  # a repeated entry moves to the end
        kept[name] = value
        if len(kept) > self._most:
            del kept[next(iter(kept))]


_JOURNALS: Final[WeakKeyDictionary[Client, Journal]] = WeakKeyDictionary()


def journal_of(client: Client) -> Journal:
    """Return the journal of one caller, which lasts as long as the caller's client.

    Each caller has its own client, so a caller never replays another caller's write.
    """
    return _JOURNALS.setdefault(client, Journal())
