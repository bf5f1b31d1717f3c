"""Remembers a caller's writes, so that a later call with the same idempotency key can find them."""

from typing import Final, TypeVar
from weakref import WeakKeyDictionary

from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools.client.client import Client
from backscroll_tools.client.upstream_clock import UpstreamClock
from backscroll_tools.writes.keys import IdempotencyKey

V = TypeVar("V")

REMEMBERED: Final = 1_000
"""The maximum number of entries of each kind that a journal remembers by default (`Journal`)."""


class Record(Struct, frozen=True):
    """What this process knows about one write.

    Attributes:
        key: the idempotency key, which also carries the state of the write between processes.
        seen_at: when this process last sent the message, or learned that it was sent, in
            monotonic seconds.
        dated: whether `age_s` also uses the time in the key. This is False if this process has sent
            the message, because then `seen_at` is exact, even if a wall clock changes. It is also
            False if `merged` compared times from different clocks.
    """

    key: IdempotencyKey
    seen_at: float
    dated: bool = True

    def age_s(self, clock: UpstreamClock) -> float:
        """Return a lower bound of the time since the message was sent, in seconds.

        Args:
            clock: the clock of the upstream.
        """
        here_s = clock.monotonic() - self.seen_at
        if not self.dated:
            return here_s
        return max(here_s, clock.age_s(self.key.sent_at, self.key.sent_by))

    def merged(self, known: "Record") -> "Record":
        """Return the newer of this record and another record of the same write.

        This record was read from the key that the caller passed. Another process may have updated
        that key.

        Args:
            known: the other record, from this process's journal.
        """
        theirs, ours = self.key, known.key
        if theirs.message_id or ours.message_id:
            later = self if theirs.message_id else known
        elif (theirs.sent_at, theirs.sent_by) == (ours.sent_at, ours.sent_by):
            later = known if ours.newest_digest else self
        elif not theirs.sent_at or not ours.sent_at:
            later = self if theirs.sent_at else known
        elif theirs.sent_by != ours.sent_by:
            later = replace(self, dated=False)  # the times are from different clocks
        else:
            later = self if theirs.sent_at > ours.sent_at else known
        return replace(later, key=replace(later.key, given=theirs.given))


class Journal:
    """Remembers writes by key, and for each created message, which write created it.

    Args:
        most: the maximum number of entries of each kind: writes, created messages, sequences of
            messages, and unclear writes. If there are more of a kind, the oldest is forgotten.
    """

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._records: dict[tuple[str, str], Record] = {}
        self._writers: dict[tuple[str, str], str] = {}
        self._progress: dict[tuple[str, str], IdempotencyKey] = {}
        self._unclear: dict[tuple[str, str], bool] = {}

    def known(self, thread: str, token: str) -> Record | None:
        """Return the record of a write, or None if it is not remembered.

        Args:
            thread: the call's thread; empty if the call did not name one.
            token: the token of the write's key.
        """
        return self._records.get((thread, token))

    def note(self, thread: str, record: Record) -> None:
        """Remember the record of a write."""
        self._remember(self._records, (thread, record.key.token), record)

    def writer(self, thread: str, message_id: str) -> str | None:
        """Return the token of the write that created a message, or None if it is not remembered."""
        return self._writers.get((thread, message_id))

    def note_writer(self, thread: str, message_id: str, token: str) -> None:
        """Remember which write created a message."""
        self._remember(self._writers, (thread, message_id), token)

    def progress(self, token: str) -> IdempotencyKey | None:
        """Return how far a sequence of messages was written, or None if it is not remembered."""
        return self._progress.get(("", token))

    def note_progress(self, token: str, key: IdempotencyKey) -> None:
        """Remember how far a sequence of messages was written.

        Args:
            token: the token of the sequence.
            key: the key of the next message of the sequence.
        """
        self._remember(self._progress, ("", token), key)

    def is_unclear(self, name: str) -> bool:
        """Whether an earlier call could not tell the outcome of the idempotent write `name`."""
        return ("", name) in self._unclear

    def note_unclear(self, name: str) -> None:
        """Remember that the outcome of an idempotent write is unclear."""
        self._remember(self._unclear, ("", name), value=True)

    def note_clear(self, name: str) -> None:
        """Forget an idempotent write, because its outcome is now known."""
        self._unclear.pop(("", name), None)

    def _remember(self, entries: dict[tuple[str, str], V], name: tuple[str, str], value: V) -> None:
        entries.pop(name, None)  # so that an existing entry moves to the end
        entries[name] = value
        if len(entries) > self._most:
            del entries[next(iter(entries))]


_JOURNALS: Final[WeakKeyDictionary[Client, Journal]] = WeakKeyDictionary()


def journal_of(client: Client) -> Journal:
    """Return the journal of a caller's client. The journal is deleted together with the client.

    Each caller has its own client, so a caller never replays another caller's write.
    """
    return _JOURNALS.setdefault(client, Journal())
