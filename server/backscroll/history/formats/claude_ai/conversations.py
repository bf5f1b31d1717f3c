"""Reads the export of Claude.ai: all conversations in one file or in several, and design chats.

A conversation has one list with the messages of all its branches. The field `parent_message_uuid`
of each message names the message before it in its branch. The current branch ends with the message
that `current_leaf_message_uuid` names, or with the last message of the list if that field is
missing.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from backscroll.history.conversation import Record, SourceConversation, WithoutContent
from backscroll.history.files.sample import Sample
from backscroll.history.formats.claude_ai.messages import add_message, with_keys
from backscroll.history.items import tree
from backscroll.history.items.branches import read_branches
from backscroll.history.items.keys import digest
from backscroll.history.reading.fields import first_text, mapping, objects_of, string
from backscroll.history.reading.records import read_records
from backscroll.history.reading.times import unix_seconds
from backscroll.history.source_file import SourceFile

NAME: Final = "claude-ai"
_NO_PARENT: Final = frozenset(
    {"00000000-0000-4000-8000-000000000000", "00000000-0000-0000-0000-000000000000"}
)
_DESIGN: Final = ("contentBlocks", "authorAccountUuid")
"""Fields of a message's `content` in a design chat."""


def recognises(sample: Sample) -> bool:
    """Return whether a file with this start is an export of Claude.ai."""
    return any(
        isinstance(record.get("chat_messages"), list) or _is_design(record)
        for whole in sample.records
        for record in (whole, *objects_of(whole.get("conversations")))
    )


def _is_design(record: Mapping[str, Any]) -> bool:
    return any(
        name in message or name in mapping(message.get("content"))
        for message in objects_of(record.get("messages"))
        for name in _DESIGN
    )


def read(file: SourceFile, *, branches: bool = False) -> Iterator[Record]:
    """Yield the conversations of a file, and the abandoned branches of each if they are wanted."""
    return read_records(file, partial(conversations, branches=branches), "conversations")


def conversations(found: Mapping[str, Any], position: str, *, branches: bool) -> Iterator[Record]:
    """Yield a conversation, and its abandoned branches if they are wanted.

    Args:
        found: the conversation as the export has it.
        position: where the conversation is in the file.
        branches: whether to yield abandoned branches.
    """
    given = objects_of(found.get("chat_messages")) or objects_of(found.get("messages"))
    if not given:
        reason = "has no messages in this export: if Claude shows some, request a new export"
        yield WithoutContent(position, reason)
        return
    listed = list(with_keys(given))
    messages = dict(listed)  # if a message is listed twice, the later copy is the newer one
    links = [(key, string(message.get("parent_message_uuid"))) for key, message in listed]
    parents = tree.parents_in_list(links, _NO_PARENT)
    own_id = string(found.get("uuid")) or digest(string(found.get("created_at")), listed[0][0])
    leaf = string(found.get("current_leaf_message_uuid"))
    yield from read_branches(
        messages,
        parents,
        tree.path(parents, leaf if leaf in messages else listed[-1][0]),
        add=add_message,
        conversation=lambda _: _conversation(found, own_id),
        position=position,
        abandoned=branches,
    )


def _conversation(found: Mapping[str, Any], own_id: str) -> SourceConversation:
    return SourceConversation(
        source=NAME,
        id=own_id,
        items=(),
        title=first_text(found, "name", "title"),
        created_at=unix_seconds(found.get("created_at")),
        updated_at=unix_seconds(found.get("updated_at")),
        project=first_text(mapping(found.get("project")), "name", "uuid"),
        model=string(found.get("model")),
    )
