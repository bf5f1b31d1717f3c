"""Logs of the command-line program `llm`, whose database can have two generations of tables.

Source: "Logging to SQLite" in the documentation of `llm` 0.32. Versions before it wrote
`conversations` and `responses`. Since then, a row of `threads` points to its last row of
`messages`, each of which points to the one before it; the content is in `parts`, and the times are
in `turns`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from backscroll.history.draft import Draft
from backscroll.history.fields import as_text, mapping, parsed, sequence, string, unix_seconds
from backscroll.history.formats.format import Format, Record
from backscroll.history.sample import Sample
from backscroll.history.source_file import SourceFile
from backscroll.history.sqlite_source import Database, Row, read_database

_NAME: Final = "llm"
_NEW: Final = frozenset({"threads", "messages", "parts"})
_OLD: Final = frozenset({"conversations", "responses"})
_INTEGERS: Final = 1 << 63
"""SQLite's integers are smaller than this."""

_RESPONSE: Final = (
    *("id", "model", "prompt", "system", "response", "datetime_utc", "resolved_model"),
    "reasoning",
)


def recognises(sample: Sample) -> bool:
    """Return whether a database has tables of either generation."""
    is_new = sample.tables >= _NEW and "turns" in sample.tables
    return sample.kind == "sqlite" and (is_new or sample.tables >= _OLD)


def read(file: SourceFile) -> Iterator[Record]:
    """Yield each conversation, those of the older tables first."""
    return read_database(file, _conversations, _records)


def _conversations(database: Database) -> list[Row]:
    """Return the id, title, parent and time of each conversation.

    A conversation that went on after an update of `llm` is in both generations under one id. A
    response of an early version may have no conversation, so it becomes one.
    """
    found: dict[object, Row] = {}
    for key, title in database.select("conversations", ("id", "name"), "ORDER BY rowid"):
        found[key] = (key, title, None, None)
    alone = "WHERE conversation_id IS NULL ORDER BY rowid"
    if "conversation_id" not in database.columns("responses"):
        alone = "ORDER BY rowid"
    for (key,) in database.select("responses", ("id",), alone):
        found[key] = (key, None, None, None)
    threads = database.select(
        "threads", ("id", "name", "forked_from", "datetime_utc"), "ORDER BY rowid"
    )
    for thread in threads:
        found[thread[0]] = thread
    return list(found.values())


def _records(database: Database, conversation: Row) -> Iterable[Record]:
    conversation_id, title, parent, created_at = conversation
    draft = Draft(_NAME)
    last_text = ""
    for response in _responses(database, conversation_id):
        last_text = _add_response(draft, database, response) or last_text
    _add_chain(draft, database, conversation_id, last_text)
    yield draft.finish(
        as_text(conversation_id),
        title=string(title),
        created_at=unix_seconds(created_at),
        parent=string(parent),
    )


def _responses(database: Database, conversation_id: object) -> list[Row]:
    if "conversation_id" not in database.columns("responses"):
        return database.select("responses", _RESPONSE, "WHERE id = ?", conversation_id)
    return database.select(
        "responses",
        _RESPONSE,
        "WHERE conversation_id = ?1 OR (conversation_id IS NULL AND id = ?1) ORDER BY rowid",
        conversation_id,
    )


def _add_response(draft: Draft, database: Database, response: Row) -> str:
    """Add a response and its prompt. Return the response's text."""
    row = dict(zip(_RESPONSE, response, strict=True))
    key = as_text(row["id"])
    at = unix_seconds(row["datetime_utc"])
    draft.model = string(row["resolved_model"]) or string(row["model"]) or draft.model
    system = _with_fragments(database, "system_fragments", row["id"], string(row["system"]))
    if system != _last_system(draft):
        draft.message("system", system, f"{key}/system", at)
    prompt = _with_fragments(database, "prompt_fragments", row["id"], string(row["prompt"]))
    draft.message("user", prompt, f"{key}/prompt", at)
    for number, (call_id, output) in enumerate(
        database.select(
            "tool_results", ("tool_call_id", "output"), "WHERE response_id = ? ORDER BY id", key
        )
    ):
        draft.output(as_text(call_id), output, f"{key}/result{number}", at)
    draft.reasoning(string(row["reasoning"]), f"{key}/reasoning", at)
    text = string(row["response"])
    draft.message("assistant", text, f"{key}/response", at)
    for number, (call_id, name, arguments) in enumerate(
        database.select(
            "tool_calls",
            ("tool_call_id", "name", "arguments"),
            "WHERE response_id = ? ORDER BY id",
            key,
        )
    ):
        draft.call(as_text(call_id), string(name), arguments, f"{key}/call{number}", at)
    return text


def _last_system(draft: Draft) -> str:
    """Return the system prompt of the responses so far, each of which repeats it."""
    texts = (
        string(item.item.get("content"))
        for item in reversed(draft.items)
        if item.item.get("role") == "system"
    )
    return next(texts, "")


def _with_fragments(database: Database, table: str, response_id: object, text: str) -> str:
    """Return a prompt with the fragments that were sent before it."""
    if not {table, "fragments"} <= database.tables:
        return text
    found = database.rows(
        f'SELECT f.content FROM "{table}" p JOIN fragments f ON f.id = p.fragment_id'  # noqa: S608 - a constant
        ' WHERE p.response_id = ? ORDER BY p."order"',
        response_id,
    )
    return "\n".join(filter(None, (*(string(content) for (content,) in found), text)))


def _add_chain(draft: Draft, database: Database, thread_id: object, last_text: str) -> None:
    """Add the messages of a thread, from its first one to its last one.

    Args:
        last_text: the last response in the older tables, after which the messages are new.
    """
    turns: dict[object, tuple[int | None, str]] = {}
    for parent, tip, at, model, resolved in database.select(
        "turns",
        ("parent_message_hash", "tip_message_hash", "datetime_utc", "model", "resolved_model"),
        "WHERE thread_id = ? ORDER BY id DESC",
        thread_id,
    ):
        name = string(resolved) or string(model)
        turns[parent] = turns[tip] = (unix_seconds(at), name)
    messages = [
        (key, role, list(_parts(database, key))) for key, role in _chain(database, thread_id)
    ]
    known = [
        number
        for number, (_, _, parts) in enumerate(messages)
        if last_text and last_text in {text for _, _, text, _ in parts}
    ]
    at = None
    for key, role, parts in messages[known[-1] + 1 if known else 0 :]:
        at, model = turns.get(key, (at, ""))
        draft.model = model or draft.model
        for part in parts:
            _add_part(draft, string(role), f"{as_text(key)}/{as_text(part[0])}", part, at)


def _chain(database: Database, thread_id: object) -> list[Row]:
    """Return the hash and role of each message of a thread, oldest first."""
    tips = database.select("threads", ("tip_message_hash",), "WHERE id = ?", thread_id)
    chain: list[Row] = []
    seen: set[object] = set()
    key = tips[0][0] if tips else None
    while key is not None and key not in seen:
        seen.add(key)
        rows = database.select("messages", ("parent_hash", "role"), "WHERE hash = ?", key)
        if not rows:
            break
        parent, role = rows[0]
        chain.append((key, role))
        key = parent
    return chain[::-1]


def _parts(database: Database, key: object) -> Iterator[tuple[object, str, str, Mapping[str, Any]]]:
    """Yield the position, type, text and payload of each part of a message."""
    for position, kind, text, payload, tool in database.select(
        "parts",
        ("position", "type", "text", "payload", "tool_name"),
        "WHERE message_hash = ? ORDER BY position",
        key,
    ):
        fields = dict(mapping(parsed(payload)))
        fields.setdefault("name", tool)
        written = string(text) or _referenced(database, fields.get("text_ref"))
        yield position, string(kind), written, fields


def _referenced(database: Database, segments: object) -> str:
    """Return a text that is stored as literal segments and references to fragments."""
    texts: list[str] = []
    for value in sequence(segments):
        segment = mapping(value)
        texts.append(string(segment.get("literal")))
        fragment = segment.get("fragment")
        if isinstance(fragment, int) and abs(fragment) < _INTEGERS:
            rows = database.select("fragments", ("content",), "WHERE id = ?", fragment)
            texts += [string(content) for (content,) in rows]
    return "".join(texts)


def _add_part(
    draft: Draft,
    role: str,
    key: str,
    part: tuple[object, str, str, Mapping[str, Any]],
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


FORMAT: Final = Format(
    name=_NAME,
    words="a log of llm",
    recognises=recognises,
    read=read,
)
