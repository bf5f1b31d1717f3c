"""Reads a conversation that LibreChat exported as JSON.

Source: `api/server/utils/import/importers.js` of LibreChat at b6e4959. The messages are a flat list
whose order has no meaning, or each message has its replies in `children`.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from backscroll.history.conversation import Record, SourceConversation, Unreadable
from backscroll.history.files.sample import Sample
from backscroll.history.formats.format import Format
from backscroll.history.items import tree
from backscroll.history.items.branches import current_branch, read_branches
from backscroll.history.items.item_list import ItemList, MessageParts
from backscroll.history.items.keys import digest
from backscroll.history.items.openai_items import Part, file_part, reasoning, role_of
from backscroll.history.reading.fields import first_text, mapping, objects_of, string, strings_in
from backscroll.history.reading.records import read_records
from backscroll.history.reading.times import unix_seconds
from backscroll.history.source_file import SourceFile

_NAME: Final = "librechat"
_NO_PARENT: Final = frozenset({"00000000-0000-0000-0000-000000000000"})
_LISTS: Final = ("messages", "messagesTree")
_NOT_TEXT: Final = frozenset({"type", "id", "file_id", "tool_call_ids", "agentId", "groupId"})
"""Fields that are never taken as text in a tool's output or in a part of an unknown type."""


def _recognises(sample: Sample) -> bool:
    return any(
        "conversationId" in record and any(name in record for name in _LISTS)
        for record in sample.records
    )


def _read(file: SourceFile, *, branches: bool = False) -> Iterator[Record]:
    return read_records(file, partial(conversations, branches=branches), deep=True)


def conversations(found: Mapping[str, Any], position: str, *, branches: bool) -> Iterator[Record]:
    """Yield a conversation, and its abandoned branches if they are wanted.

    Args:
        found: the conversation as LibreChat exported it.
        position: where the conversation is in the file.
        branches: whether to yield abandoned branches.
    """
    messages, parents = _messages(found)
    if not messages:
        yield Unreadable(position, "has no messages: export it from LibreChat again, as JSON")
        return
    own_id = string(found.get("conversationId")) or digest(*list(messages)[:1])
    yield from read_branches(
        messages,
        parents,
        current_branch(messages, parents, "", add=_add_message, time_of=_time),
        add=_add_message,
        conversation=lambda line: _conversation(found, own_id, line),
        position=position,
        abandoned=branches,
    )


def _messages(
    found: Mapping[str, Any],
) -> tuple[dict[str, Mapping[str, Any]], dict[str, str]]:
    """Return the messages by id, and the parent of each.

    A message in the `children` of another message has that other message as its parent, even if its
    own `parentMessageId` names another one.
    """
    lists = [objects_of(found.get(name)) for name in _LISTS]
    pending = [("", message) for message in reversed(next(filter(None, reversed(lists)), []))]
    messages: dict[str, Mapping[str, Any]] = {}
    links: list[tuple[str, str]] = []
    before = ""
    while pending:
        parent, each = pending.pop()
        key = string(each.get("messageId")) or digest(before, *_strings(each))
        before = key
        messages[key] = each
        links.append((key, parent or string(each.get("parentMessageId"))))
        pending += [(key, child) for child in reversed(objects_of(each.get("children")))]
    return messages, tree.parents_in_list(links, _NO_PARENT)


def _strings(found: Mapping[str, Any]) -> Iterator[str]:
    return strings_in(found, frozenset({"children"}))


def _time(found: Mapping[str, Any]) -> int | None:
    return unix_seconds(found.get("createdAt"))


def _conversation(
    found: Mapping[str, Any], own_id: str, line: Sequence[Mapping[str, Any]]
) -> SourceConversation:
    answers = (string(each.get("model")) for each in reversed(line) if not _is_user(each))
    options = mapping(found.get("options"))
    endpoint = first_text(found, "endpoint") or first_text(options, "endpoint")
    return SourceConversation(
        source=_NAME,
        id=own_id,
        items=(),
        title=string(found.get("title")),
        created_at=unix_seconds(found.get("createdAt")),
        updated_at=unix_seconds(found.get("updatedAt")),
        model=next(filter(None, answers), "") or string(options.get("model")),
        metadata={"endpoint": endpoint} if endpoint else {},
    )


def _is_user(found: Mapping[str, Any]) -> bool:
    by_user = found.get("isCreatedByUser")
    if isinstance(by_user, bool):
        return by_user
    return role_of(first_text(found, "role", "sender")) == "user"


def _add_message(items: ItemList, key: str, found: Mapping[str, Any]) -> None:
    """Append the items of a message. Its tool calls and reasoning are parts of its `content`."""
    at = _time(found)
    parts = MessageParts(items, key, "user" if _is_user(found) else "assistant", at)
    for number, part in enumerate(_list(found.get("content"))):
        fields = mapping(part)
        kind = string(fields.get("type"))
        if kind == "think":
            items.add(parts.own_key(number), reasoning([], [_text(fields, "think")]), at)
        elif kind == "tool_call":
            _add_call(items, parts.own_key(number), mapping(fields.get("tool_call")), at)
        else:
            parts.add(number, _part_texts(kind, part))
    files = objects_of(found.get("files")) + objects_of(found.get("attachments"))
    names = filter(None, (first_text(file, "filename", "file_id") for file in files))
    parts.end(string(found.get("text")), map(file_part, names))


def _list(content: object) -> list[Any]:
    return content if isinstance(content, list) else [content]


def _part_texts(kind: str, part: object) -> Iterator[str]:
    if kind == "text":
        yield _text(mapping(part), "text")
    elif kind == "error":
        yield _text(mapping(part), "error") or _text(mapping(part), "text")
    else:
        yield from strings_in(part, _NOT_TEXT)


def _text(fields: Mapping[str, Any], name: str) -> str:
    """Return a text, which some versions put into an object with `value`."""
    value = fields.get(name)
    return string(value) or string(mapping(value).get("value"))


def _add_call(items: ItemList, key: str, call: Mapping[str, Any], at: int | None) -> None:
    function = mapping(call.get("function")) or call
    arguments = function.get("arguments", function.get("args"))
    call_id = string(call.get("id")) or key
    items.add_call(key, string(function.get("name")), arguments or {}, at, call_id)
    output = function.get("output")
    texts: list[Part] = list(strings_in(output, _NOT_TEXT))
    items.add_output(f"{key}/output", texts, at, call_id=call_id)


FORMAT: Final = Format(
    name=_NAME,
    words="a LibreChat export",
    recognises=_recognises,
    read=_read,
    read_branches=partial(_read, branches=True),
)
