"""Logs of events that Copilot Chat writes to `GitHub.copilot-chat/transcripts/`, as JSON Lines.

Each line is `{"type", "data", "id", "timestamp"}`. If a sub-agent wrote a message, its `data` has a
`parentToolCallId`: the id of the tool call that started the sub-agent. Versions of Copilot Chat
from 0.51 on write these logs.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from backscroll.history.conversation import Record
from backscroll.history.items.content import content_text
from backscroll.history.items.draft import Draft
from backscroll.history.reading.fields import as_text, identifier, mapping, sequence, string
from backscroll.history.reading.json_streams import JsonRecord
from backscroll.history.reading.times import unix_seconds

_STARTED: Final = "session.start"
_EVENTS: Final = ("session.", "user.message", "assistant.", "tool.execution_")


def is_event(record: Mapping[str, Any]) -> bool:
    """Return whether a line is an event."""
    kind = string(record.get("type"))
    return kind.startswith(_EVENTS) and isinstance(record.get("data"), dict)


def read_events(
    source: str, session_id: str, project: str, events: Iterable[JsonRecord]
) -> Iterator[Record]:
    """Yield the conversation of a log, followed by the conversations of its sub-agents.

    Args:
        source: the name of the format.
        session_id: the session's id if the log does not have it.
        project: the working directory if the log does not have it.
        events: the events in the order of the log.
    """
    drafts: dict[str, Draft] = {"": Draft(source)}
    created_at = None
    for line in events:
        event, data = line.value, mapping(line.value.get("data"))
        owner = identifier(data.get("parentToolCallId"))
        draft = drafts.setdefault(owner, Draft(source))
        draft.replaced += line.replaced
        if event.get("type") == _STARTED:
            session_id = identifier(data.get("sessionId")) or session_id
            created_at = unix_seconds(data.get("startTime"))
            project = string(mapping(data.get("context")).get("cwd")) or project
        else:
            _add(draft, event, data)
    for owner, draft in drafts.items():
        if not owner:
            yield draft.finish(session_id, created_at=created_at, project=project)
        elif draft.items:
            yield draft.finish(f"{session_id}/{owner}", project=project, parent=session_id)


def _add(draft: Draft, event: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    key = identifier(event.get("id"))
    at = unix_seconds(event.get("timestamp"))
    call_id = identifier(data.get("toolCallId"))
    match event.get("type"):
        case "user.message":
            draft.message("user", content_text(data.get("content")), key, at)
        case "assistant.message":
            draft.model = string(data.get("model")) or draft.model
            draft.reasoning(string(data.get("reasoningText")), key and f"{key}/reasoning", at)
            draft.message("assistant", content_text(data.get("content")), key, at)
            for value in sequence(data.get("toolRequests")):
                call = mapping(value)
                call_id = identifier(call.get("toolCallId"))
                arguments = call.get("arguments")
                draft.call(call_id, string(call.get("name")), arguments, f"{call_id}/call", at)
        case "tool.execution_complete":
            result = data.get("result") or data.get("error")
            text = string(mapping(result).get("content")) or string(mapping(result).get("message"))
            draft.output(call_id, text or as_text(result), f"{call_id}/output", at)
