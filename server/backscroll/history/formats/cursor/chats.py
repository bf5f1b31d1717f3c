"""Chats in Cursor's database `state.vscdb`.

The only rows that are ever read are those of the table `cursorDiskKV` whose keys begin with
`composerData:` (a chat) or `bubbleId:` (a message). The rest of the database has access tokens.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from backscroll.history.conversation import Record
from backscroll.history.formats.cursor.transcripts import typed_text
from backscroll.history.items.draft import Draft
from backscroll.history.reading.fields import (
    as_text,
    identifier,
    mapping,
    parsed,
    path_in_address,
    sequence,
    string,
)
from backscroll.history.reading.sqlite_source import Database, Row, read_database
from backscroll.history.reading.times import unix_seconds
from backscroll.history.source_file import SourceFile

NAME: Final = "cursor"
TABLE: Final = "cursorDiskKV"
_CHAT: Final = "composerData:"
_MESSAGE: Final = "bubbleId:"
_MARGIN_S: Final = 24 * 60 * 60
_USER: Final = 1
_FIRST_TIME: Final = 1_400_000_000
"""A time before Cursor existed, in Unix seconds.

A time in the database that is smaller is no Unix time: it counts from when Cursor was launched.
"""


def read(file: SourceFile) -> Iterator[Record]:
    """Yield each chat of the database."""
    return read_database(file, _chats, _records)


def read_since(file: SourceFile, since_s: int) -> Iterator[Record]:
    """Yield each chat that changed since a day before `since_s`, or whose time is unknown.

    The day is a margin: Cursor updates the time of a chat only when an answer is complete, so a
    chat can have changed after this time.
    """
    return read_database(file, _chats, partial(_records, since_s=since_s - _MARGIN_S))


def _chats(database: Database) -> list[Row]:
    rows = database.select(
        TABLE,
        ("key",),
        "WHERE key >= ? AND key < ? ORDER BY key",
        _CHAT,
        _after(_CHAT),
    )
    return [(as_text(key).removeprefix(_CHAT),) for (key,) in rows]


def _after(prefix: str) -> str:
    """Return the exclusive upper bound of the keys that begin with a prefix that ends in `:`.

    The bound is the prefix with `;`, which follows `:` in ASCII, in place of the final `:`.
    """
    return f"{prefix[:-1]};"


def _value(database: Database, key: str) -> Mapping[str, Any]:
    """Return the JSON object of a key. Older versions wrote it as JSON in a JSON string."""
    rows = database.select(TABLE, ("value",), "WHERE key = ?", key)
    return mapping(_decoded(rows[0][0]) if rows else None)


def _decoded(value: object) -> object:
    found = parsed(value)
    return parsed(found) if isinstance(found, str) else found


def _records(database: Database, row: Row, since_s: int = 0) -> Iterable[Record]:
    chat_id = as_text(row[0])
    chat = _value(database, f"{_CHAT}{chat_id}")
    updated_at = _time(chat.get("lastUpdatedAt"))
    if updated_at is not None and updated_at < since_s:
        return
    draft = Draft(NAME)
    draft.model = string(mapping(chat.get("modelConfig")).get("modelName"))
    project = string(mapping(mapping(chat.get("workspaceIdentifier")).get("uri")).get("fsPath"))
    is_empty, is_partial = True, False
    for key, bubble in _bubbles(database, chat_id, chat):
        is_empty, is_partial = False, is_partial or not bubble
        project = project or path_in_address(next(iter(sequence(bubble.get("workspaceUris"))), ""))
        _add_bubble(draft, key, bubble)
    if is_empty:
        return  # a tab that was opened and not used
    agent = mapping(chat.get("subagentInfo"))
    yield draft.finish(
        chat_id,
        title=string(chat.get("name")),
        created_at=_time(chat.get("createdAt")),
        updated_at=updated_at,
        project=project,
        parent=identifier(agent.get("parentComposerId")),
        metadata={"mode": string(chat.get("unifiedMode"))},
        is_partial=is_partial,
    )


def _bubbles(
    database: Database, chat_id: str, chat: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the id and content of each message that the chat shows, in the order of the chat.

    In current versions, the chat has a list of ids, which lacks the messages that the user undid.
    In older versions, the chat has the messages themselves. If a chat has neither, all its messages
    are yielded, oldest first.
    """
    headers = sequence(_listed(chat.get("fullConversationHeadersOnly")))
    if headers:
        for key in dict.fromkeys(identifier(mapping(value).get("bubbleId")) for value in headers):
            yield key, _value(database, f"{_MESSAGE}{chat_id}:{key}")
        return
    inline = sequence(_listed(chat.get("conversation")))
    if inline:
        for value in inline:
            yield identifier(mapping(value).get("bubbleId")), mapping(value)
        return
    prefix = f"{_MESSAGE}{chat_id}:"
    rows = database.select(
        TABLE,
        ("key", "value"),
        "WHERE key >= ? AND key < ? ORDER BY rowid",
        prefix,
        _after(prefix),
    )
    found = [(as_text(key).removeprefix(prefix), mapping(_decoded(value))) for key, value in rows]
    yield from sorted(found, key=lambda bubble: _time(bubble[1].get("createdAt")) or 0)


def _listed(value: object) -> object:
    return parsed(value) if isinstance(value, str) else value


def _time(value: object) -> int | None:
    seconds = unix_seconds(value)
    return seconds if seconds is not None and seconds >= _FIRST_TIME else None


def _add_bubble(draft: Draft, key: str, bubble: Mapping[str, Any]) -> None:
    timing = mapping(bubble.get("timingInfo"))
    at = _time(bubble.get("createdAt")) or _time(timing.get("clientRpcSendTime"))
    text = string(bubble.get("text"))
    if bubble.get("type") == _USER:
        images = ["[image]"] * len(sequence(bubble.get("images")))
        written = typed_text(text or _rich_text(bubble.get("richText")))
        draft.message("user", "\n".join(filter(None, (written, *images))), key, at)
        return
    draft.model = string(mapping(bubble.get("modelInfo")).get("modelName")) or draft.model
    draft.reasoning(_thinking(bubble), key and f"{key}/reasoning", at)
    draft.message("assistant", text, key, at)
    tool = mapping(bubble.get("toolFormerData"))
    if tool:
        _add_tool(draft, key, tool, at)


def _thinking(bubble: Mapping[str, Any]) -> str:
    blocks = [bubble.get("thinking")]
    if not string(mapping(blocks[0]).get("text")):
        blocks = list(sequence(bubble.get("allThinkingBlocks")))
    texts = (string(mapping(block).get("text")) or string(block) for block in blocks)
    return "\n".join(filter(None, texts))


def _add_tool(draft: Draft, key: str, tool: Mapping[str, Any], at: int | None) -> None:
    call_id = identifier(tool.get("toolCallId")) or key or f"call_{len(draft.items) + 1}"
    name = string(tool.get("name")) or as_text(tool.get("tool"))
    arguments = tool.get("rawArgs") or tool.get("params")
    draft.call(call_id, name, arguments, key and f"{key}/call", at)
    output = as_text(tool.get("result") or tool.get("error"))
    if output or tool.get("status") in {"completed", "error"}:
        draft.output(call_id, output, key and f"{key}/output", at)


def _rich_text(value: object) -> str:
    """Return the text in the JSON state of a text editor. Older versions wrote only this state."""
    texts: list[str] = []
    waiting = [parsed(value)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += reversed(node)
        elif isinstance(node, dict):
            texts.append(string(node.get("text")))
            waiting += [node.get("children"), node.get("root")]
    return "".join(texts)
