"""A session of Gemini CLI, read record by record.

A record is one of these:

- a message, which replaces an earlier message with the same id
- fields of the session (with `sessionId`), or a change of them (`$set`); both may replace all
  messages
- a step back (`$rewindTo`), which removes a message and all later messages
"""

from collections.abc import Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from backscroll.history.formats.gemini_cli.messages import Body, items_of
from backscroll.history.reading.texts import first_words
from backscroll.history.reading.times import Period, unix_ms, whole_seconds
from backscroll.store.envelopes import JSON


class Message(Struct, frozen=True):
    """A message: where it is in the file, and its items if they are in memory.

    Attributes:
        offset: where its line starts, in bytes.
        index: its place in the line's list of messages, from 0; None if the line is the message.
        size: about how much memory its items take, in bytes.
        created_at: in Unix seconds; None if unknown.
        bodies: its items; None if they are not kept in memory.
    """

    offset: int
    index: int | None
    size: int
    created_at: int | None
    bodies: Sequence[Body] | None


class Session(Struct):
    """Reads the records of a session in order.

    Attributes:
        in_memory: a limit for the total size of the messages, in bytes. Up to it, their items are
            kept in memory.
        fields: the fields of the session, without its messages.
        messages: the messages by id, in order.
        kept: whether the items of all messages are in memory.
        prompt: the first prompt, shortened.
        model: the model that answered last.
        period: when the messages were written.
        replaced: how many characters became U+FFFD.
    """

    in_memory: int
    fields: JSON = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    kept: bool = True
    prompt: str = ""
    model: str = ""
    period: Period = field(default_factory=Period)
    replaced: int = 0
    _size: int = 0

    def take(self, offset: int, size: int, record: JSON) -> None:
        """Apply a record.

        Args:
            offset: where its line starts, in bytes.
            size: the length of the line, in bytes.
            record: the record.
        """
        rewind, changes = record.get("$rewindTo"), record.get("$set")
        if isinstance(rewind, str):
            self._rewind_to(rewind)
        elif isinstance(record.get("id"), str):
            self._put(offset, None, size, record)
        elif isinstance(changes, dict):
            self._set(offset, size, changes)
        elif isinstance(record.get("sessionId"), str):
            self._set(offset, size, record)

    def _set(self, offset: int, size: int, changes: JSON) -> None:
        messages = changes.get("messages")
        self.fields |= {name: value for name, value in changes.items() if name != "messages"}
        if isinstance(messages, list):
            self.messages, self._size = {}, 0
            share = size // (len(messages) or 1)
            for index, message in enumerate(messages):
                if isinstance(message, dict) and isinstance(message.get("id"), str):
                    self._put(offset, index, share, message)

    def _put(self, offset: int, index: int | None, size: int, message: JSON) -> None:
        bodies = tuple(items_of(message))
        time = unix_ms(message.get("timestamp"))
        self._note(message, bodies, time)
        identifier = message["id"]
        known = self.messages.get(identifier)
        self._size += size - (known.size if known else 0)
        if self.kept and self._size > self.in_memory:
            self.kept = False
            for each, old in self.messages.items():
                self.messages[each] = replace(old, bodies=None)
        self.messages[identifier] = Message(
            offset,
            index,
            size,
            whole_seconds(time),
            bodies if self.kept else None,
        )

    def _note(self, message: JSON, bodies: Sequence[Body], time: int | None) -> None:
        if bodies:
            self.period.add(time)
        if isinstance(model := message.get("model"), str) and model:
            self.model = model
        if not self.prompt and bodies and message.get("type") == "user":
            self.prompt = first_words(bodies[0][1]["content"])

    def _rewind_to(self, identifier: str) -> None:
        """Remove a message and all later messages, or all messages if none has this id."""
        is_known = identifier in self.messages
        while self.messages:
            each, message = self.messages.popitem()
            self._size -= message.size
            if is_known and each == identifier:
                return
