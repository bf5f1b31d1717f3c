"""What one caller's earlier calls have learned of their writes, for calls with the same key."""

from typing import Final, TypeVar
from weakref import WeakKeyDictionary

from backscroll_tools.client.client import Client
from backscroll_tools.writes.keys import IdempotencyKey

V = TypeVar("V")

REMEMBERED: Final = 1_000
"""How many writes are remembered by default, and for how many messages who wrote them."""


class Journal:
    """Remembers writes by key, and messages by the write that made them; the oldest are forgotten.

    Args:
        most: how many of each are remembered.
    """

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._keys: dict[tuple[str, str], IdempotencyKey] = {}
        self._writers: dict[tuple[str, str], str] = {}

    def known(self, thread: str, token: str) -> IdempotencyKey | None:
        """Return the key of a write with all that it is known to carry, or None.

        Args:
            thread: the thread that the call named; empty if it named none.
            token: what tells the write from any other.
        """
        return self._keys.get((thread, token))

    def note(self, thread: str, key: IdempotencyKey) -> None:
        """Remember what is known of a write."""
        self._remember(self._keys, (thread, key.token), key)

    def writer(self, thread: str, message_id: str) -> str | None:
        """Return the token of the write that made a message, or None."""
        return self._writers.get((thread, message_id))

    def note_writer(self, thread: str, message_id: str, token: str) -> None:
        """Remember which write made a message."""
        self._remember(self._writers, (thread, message_id), token)

    def _remember(self, kept: dict[tuple[str, str], V], name: tuple[str, str], value: V) -> None:
        kept.pop(name, None)  # what is noted again is the newest
        kept[name] = value
        if len(kept) > self._most:
            del kept[next(iter(kept))]


_JOURNALS: Final[WeakKeyDictionary[Client, Journal]] = WeakKeyDictionary()


def journal_of(client: Client) -> Journal:
    """Return the journal of one caller, which lasts as long as the caller's client.

    Each caller has a client of its own, so no caller replays what another one wrote.
    """
    return _JOURNALS.setdefault(client, Journal())
