"""Threads of `llm` from 0.32 on.

Source: "The message store" in the documentation of `llm` 0.32. A row of `threads` points to the
last message in `messages`, and each message points to the message before it. The content is in
`parts`, and the times are in `turns`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from backscroll.history.items.draft import Draft
from backscroll.history.reading.fields import as_text, mapping, parsed, sequence, string
from backscroll.history.reading.sqlite_source import Database, Row
from backscroll.history.reading.times import unix_seconds

_INTEGERS: Final = 1 << 63
"""SQLite's integers are smaller than this."""

_Part: TypeAlias = tuple[object, str, str, Mapping[str, Any]]
"""The position, type, text and payload of a part."""


class Threads:
    """Reads the threads of one database."""

    def __init__(self, database: Database) -> None:
        """Read the ids of the turns of each thread, and of the parts of each message.

        They are read all at once: without an index, each query would read a whole table.

        Raises:
            DatabaseError: the tables cannot be read.
        """
        self._database = database
        self._turns = database.grouped("turns", "thread_id", "id")
        self._parts = database.grouped("parts", "message_hash", "id", "position")

    def add(self, draft: Draft, thread_id: object, known: Sequence[str]) -> None:
        """Add the messages of a thread, from its first one to its last one.

        Args:
            known: the texts of the responses in the older tables. A thread that went on after the
                update of `llm` repeats these responses, so only the later messages are added.
        """
        turns = self._times(thread_id)
        messages = [(key, role, list(self._parts_of(key))) for key, role in self._chain(thread_id)]
        at: int | None = None
        for key, role, parts in messages[_repeated(messages, known) :]:
            at, model = turns.get(key, (at, ""))
            draft.model = model or draft.model
            for part in parts:
                _add_part(draft, string(role), f"{as_text(key)}/{as_text(part[0])}", part, at)

    def _times(self, thread_id: object) -> dict[object, tuple[int | None, str]]:
        """Return the time and model of each turn, by the hash of a message.

        Each turn is in the result twice: by the hash of the message before the turn, and by the
        hash of the last message of the turn. If two turns have the same hash, the earlier one wins.
        """
        times: dict[object, tuple[int | None, str]] = {}
        for turn in reversed(self._turns.get(thread_id, ())):
            for parent, tip, at, model, resolved in self._database.select(
                "turns",
                (
                    "parent_message_hash",
                    "tip_message_hash",
                    "datetime_utc",
                    "model",
                    "resolved_model",
                ),
                "WHERE id = ?",
                turn,
            ):
                times[parent] = times[tip] = unix_seconds(at), string(resolved) or string(model)
        return times

    def _chain(self, thread_id: object) -> list[Row]:
        """Return the hash and role of each message of a thread, oldest first."""
        tips = self._database.select("threads", ("tip_message_hash",), "WHERE id = ?", thread_id)
        chain: list[Row] = []
        seen: set[object] = set()
        key = tips[0][0] if tips else None
        while key is not None and key not in seen:
            seen.add(key)
            rows = self._database.select("messages", ("parent_hash", "role"), "WHERE hash = ?", key)
            if not rows:
                break
            parent, role = rows[0]
            chain.append((key, role))
            key = parent
        return chain[::-1]

    def _parts_of(self, key: object) -> Iterator[_Part]:
        for part in self._parts.get(key, ()):
            for position, kind, text, payload, tool in self._database.select(
                "parts", ("position", "type", "text", "payload", "tool_name"), "WHERE id = ?", part
            ):
                fields = {"name": tool, **mapping(parsed(payload))}
                written = string(text) or self._referenced(fields.get("text_ref"))
                yield position, string(kind), written, fields

    def _referenced(self, segments: object) -> str:
        """Return a text that is stored as literal segments and references to fragments."""
        texts: list[str] = []
        for value in sequence(segments):
            segment = mapping(value)
            texts.append(string(segment.get("literal")))
            fragment = segment.get("fragment")
            if isinstance(fragment, int) and abs(fragment) < _INTEGERS:
                rows = self._database.select("fragments", ("content",), "WHERE id = ?", fragment)
                texts += [string(content) for (content,) in rows]
        return "".join(texts)


def _repeated(messages: Sequence[tuple[object, object, list[_Part]]], known: Sequence[str]) -> int:
    """Return how many messages at the start of a thread are also in the older tables."""
    last = next(filter(None, reversed(known)), "")
    if not last:
        return 0
    found = [
        number
        for number, (_, _, parts) in enumerate(messages, 1)
        if any(text == last for _, _, text, _ in parts)
    ]
    return found[: known.count(last)][-1] if found else 0


def _add_part(
    draft: Draft,
    role: str,
    key: str,
    part: _Part,
    at: int | None,
) -> None:
    _, kind, text, payload = part
    call_id = as_text(payload.get("tool_call_id"))
    match kind:
        case "text":
            draft.message(role, text, key, at)
        case "reasoning":
            draft.reasoning(text, key, at)
        case "tool_call":
            draft.call(call_id, string(payload.get("name")), payload.get("arguments"), key, at)
        case "tool_result":
            draft.output(call_id, payload.get("output") or text, key, at)
        case "attachment":
            draft.message(role, text or "[attachment]", key, at)
