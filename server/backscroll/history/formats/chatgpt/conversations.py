"""Reads the export of ChatGPT: a file with all conversations, or several files.

Each conversation is a tree of messages in `mapping`, and `current_node` is the end of the branch
that the user saw last.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from backscroll.history.conversation import Record, SourceConversation, WithoutContent
from backscroll.history.files.sample import Sample
from backscroll.history.formats.chatgpt.messages import add_message, model_of
from backscroll.history.items.branches import current_branch, read_branches
from backscroll.history.items.keys import digest
from backscroll.history.reading.fields import first_text, mapping, objects_of, sequence, string
from backscroll.history.reading.records import read_records
from backscroll.history.reading.times import unix_seconds
from backscroll.history.source_file import SourceFile

NAME: Final = "chatgpt"
_SHELL: Final = frozenset({"conversation_id", "create_time", "title"})
"""A record with these fields is a conversation, even if the export lacks its messages.

Some exports of 2026 have such conversations.
"""

_PROJECT: Final = "g-p-"
"""How the id of a project begins. The ids of custom GPTs begin with `g-` alone."""


def recognises(sample: Sample) -> bool:
    """Return whether a file with this start is an export of ChatGPT."""
    return any(
        _is_conversation(record)
        for whole in sample.records
        for record in (whole, *objects_of(whole.get("conversations")))
    )


def _is_conversation(record: Mapping[str, Any]) -> bool:
    if "mapping" in record:  # exports of DeepSeek have this field, too, but also `inserted_at`
        return isinstance(record["mapping"], dict) and "inserted_at" not in record
    return "current_node" in record or record.keys() >= _SHELL


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
    nodes = {
        each: node for each, node in mapping(found.get("mapping")).items() if isinstance(node, dict)
    }
    if not nodes:
        reason = "has no messages in this export: if ChatGPT shows some, request a new export"
        yield WithoutContent(position, reason)
        return
    parents = _parents(nodes)
    own_id = first_text(found, "conversation_id", "id") or _made_id(found, parents)
    yield from read_branches(
        nodes,
        parents,
        current_branch(
            nodes,
            parents,
            string(found.get("current_node")),
            add=add_message,
            time_of=lambda node: unix_seconds(mapping(node.get("message")).get("create_time")),
        ),
        add=add_message,
        conversation=lambda line: _conversation(found, own_id, line),
        position=position,
        abandoned=branches,
    )


def _parents(nodes: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the id of each node's parent; empty for a root.

    If a node has no field `parent`, its parent is the node that has it in `children`.
    """
    by_children = {
        child: each
        for each, node in nodes.items()
        for child in sequence(node.get("children"))
        if isinstance(child, str)
    }
    parents = {}
    for each, node in nodes.items():
        parent = string(node["parent"] if "parent" in node else by_children.get(each))
        parents[each] = parent if parent != each else ""
    return parents


def _made_id(found: Mapping[str, Any], parents: Mapping[str, str]) -> str:
    """Return an id for a conversation that has none, as in the first exports."""
    root = next((each for each, parent in parents.items() if parent not in parents), "")
    return digest(str(found.get("create_time")), root)


def _conversation(
    found: Mapping[str, Any], own_id: str, line: Sequence[Mapping[str, Any]]
) -> SourceConversation:
    gpt = first_text(found, "gizmo_id", "conversation_template_id")
    in_project = gpt.startswith(_PROJECT)
    return SourceConversation(
        source=NAME,
        id=own_id,
        items=(),
        title=string(found.get("title")),
        created_at=unix_seconds(found.get("create_time")),
        updated_at=unix_seconds(found.get("update_time")),
        project=gpt if in_project else "",
        model=model_of(line) or string(found.get("default_model_slug")),
        metadata={"gpt": gpt} if gpt and not in_project else {},
    )
