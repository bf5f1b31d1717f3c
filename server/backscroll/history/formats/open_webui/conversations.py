"""Reads the export of Open WebUI: a file with all chats, or with one chat.

Each chat is a tree of messages in `history.messages`, and `history.currentId` is the end of the
branch that the user saw last. Chats of 2023 have only a list `messages`.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from backscroll.history.conversation import Record, SourceConversation, WithoutContent
from backscroll.history.files.sample import Sample
from backscroll.history.formats.open_webui.messages import add_message
from backscroll.history.items import tree
from backscroll.history.items.branches import current_branch, read_branches
from backscroll.history.items.keys import digest
from backscroll.history.reading.fields import (
    first_text,
    mapping,
    objects_of,
    sequence,
    string,
    strings_in,
)
from backscroll.history.reading.records import read_records
from backscroll.history.reading.times import unix_seconds
from backscroll.history.source_file import SourceFile

NAME: Final = "open-webui"


def recognises(sample: Sample) -> bool:
    """Return whether a file with this start is an export of Open WebUI."""
    return any("messages" in _history(_chat(record)) for record in sample.records)


def _chat(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the chat in a record. In some exports, the whole record is the chat."""
    return mapping(found.get("chat")) or found


def _history(chat: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(chat.get("history"))


def read(file: SourceFile, *, branches: bool = False) -> Iterator[Record]:
    """Yield the conversations of a file, and the abandoned branches of each if they are wanted."""
    return read_records(file, partial(conversations, branches=branches))


def conversations(found: Mapping[str, Any], position: str, *, branches: bool) -> Iterator[Record]:
    """Yield a conversation, and its abandoned branches if they are wanted.

    Args:
        found: the chat as the export has it.
        position: where the chat is in the file.
        branches: whether to yield abandoned branches.
    """
    chat = _chat(found)
    messages, parents = _messages(chat)
    if not messages:
        yield WithoutContent(position, "has no messages in this export: there is nothing to import")
        return
    own_id = first_text(found, "id") or first_text(chat, "id") or digest(*list(messages)[:1])
    yield from read_branches(
        messages,
        parents,
        current_branch(
            messages,
            parents,
            string(_history(chat).get("currentId")),
            add=add_message,
            time_of=lambda message: unix_seconds(message.get("timestamp")),
        ),
        add=add_message,
        conversation=lambda line: _conversation(found, own_id, line),
        position=position,
        abandoned=branches,
    )


def _messages(chat: Mapping[str, Any]) -> tuple[dict[str, Mapping[str, Any]], dict[str, str]]:
    """Return the messages by id, and the parent of each."""
    by_id = mapping(_history(chat).get("messages"))
    messages: dict[str, Mapping[str, Any]] = {
        key: each for key, each in by_id.items() if isinstance(each, dict)
    }
    if messages:
        return messages, {key: string(each.get("parentId")) for key, each in messages.items()}
    key = ""
    links = []
    for each in objects_of(chat.get("messages")):
        key = string(each.get("id")) or digest(key, *strings_in(each))
        messages[key] = each
        links.append((key, string(each.get("parentId"))))
    return messages, tree.parents_in_list(links)


def _conversation(
    found: Mapping[str, Any], own_id: str, line: Sequence[Mapping[str, Any]]
) -> SourceConversation:
    chat = _chat(found)
    answered = (first_text(each, "model", "modelName") for each in reversed(line))
    chosen = map(string, sequence(chat.get("models")))
    created_at = unix_seconds(found.get("created_at")) or unix_seconds(chat.get("timestamp"))
    folder = string(found.get("folder_id"))
    return SourceConversation(
        source=NAME,
        id=own_id,
        items=(),
        title=first_text(found, "title") or first_text(chat, "title"),
        created_at=created_at,
        updated_at=unix_seconds(found.get("updated_at")),
        model=next(filter(None, (*answered, *chosen)), ""),
        metadata={"folder_id": folder} if folder else {},
    )
