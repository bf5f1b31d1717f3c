"""Sessions of OpenCode, whether they are from its database or from its folder.

Source: `message-v2.ts` of OpenCode (the types of parts). A later message or part has a greater id.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from backscroll.history.conversation import Record
from backscroll.history.items.draft import Draft
from backscroll.history.reading.fields import as_text, identifier, mapping, string
from backscroll.history.reading.times import unix_seconds

NAME: Final = "opencode"


class Session(Struct, frozen=True):
    """A session without its messages."""

    id: str
    parent: str
    directory: str
    title: str
    version: str
    revert: Mapping[str, Any]
    created_at: int | None
    updated_at: int | None


class Message(Struct, frozen=True):
    """A message. `parts` has the id and the content of each part, in order."""

    id: str
    data: Mapping[str, Any]
    created_at: int | None
    parts: Iterable[tuple[str, Mapping[str, Any]]]


def conversation(
    session: Session, messages: Iterable[Message], *, is_partial: bool = False
) -> Record:
    """Return a session with its messages, but without those that the user undid.

    Args:
        session: the session.
        messages: all messages of the session, oldest first.
        is_partial: whether a part of the session could not be read.
    """
    draft = Draft(NAME)
    end = string(session.revert.get("messageID"))
    last_part = string(session.revert.get("partID"))
    for message in messages:
        if end and message.id >= end and not (last_part and message.id == end):
            break  # the user undid this message and all later messages
        parts = list(message.parts)
        if end and message.id == end:
            parts = [part for part in parts if part[0] < last_part]
        _add_message(draft, message, parts)
    return draft.finish(
        session.id,
        title=session.title,
        created_at=session.created_at,
        updated_at=session.updated_at,
        project=session.directory,
        parent=session.parent,
        metadata={"version": session.version},
        is_partial=is_partial,
    )


def _add_message(
    draft: Draft, message: Message, parts: Iterable[tuple[str, Mapping[str, Any]]]
) -> None:
    data = message.data
    role = string(data.get("role"))
    at = unix_seconds(mapping(data.get("time")).get("created")) or message.created_at
    if role == "assistant":
        draft.model = string(data.get("modelID")) or draft.model
    for part_id, part in parts:
        text = string(part.get("text"))
        match part.get("type"):
            case "text" if part.get("synthetic") is not True:
                draft.message(role, text, part_id, at)
            case "reasoning":
                draft.reasoning(text, part_id, at)
            case "file" if part.get("filename"):
                draft.message(role, f"[file: {string(part.get('filename'))}]", part_id, at)
            case "tool":
                _add_tool(draft, part_id, part, at)


def _add_tool(draft: Draft, part_id: str, part: Mapping[str, Any], at: int | None) -> None:
    state = mapping(part.get("state"))
    call_id = identifier(part.get("callID")) or part_id
    draft.call(call_id, string(part.get("tool")), state.get("input"), part_id, at)
    output = as_text(state.get("output")) or as_text(state.get("error"))
    if output or state.get("status") in {"completed", "error"}:
        ended = unix_seconds(mapping(state.get("time")).get("end"))
        draft.output(call_id, output, f"{part_id}/output", ended or at)
