"""Chats of VS Code: `chatSessions/*.json`, `*.jsonl` logs of changes, and Copilot's transcripts.

VS Code writes the `.jsonl` files from version 1.109 on.

Source: `chatModel.ts` of VS Code (`ISerializableChatData`, versions 1 to 3). The module
`object_log` gives the source for the `.jsonl` files.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path, PurePath
from typing import Any, Final

from backscroll.history.conversation import (
    NotNow,
    ReadElsewhere,
    Record,
    SourceConversation,
    Unreadable,
)
from backscroll.history.files.sample import Sample
from backscroll.history.formats.vscode_copilot.object_log import ObjectLog
from backscroll.history.formats.vscode_copilot.requests import add_request
from backscroll.history.formats.vscode_copilot.transcripts import is_event, read_events
from backscroll.history.items.draft import Draft
from backscroll.history.reading.fields import (
    first_text,
    identifier,
    mapping,
    parsed,
    path_in_address,
    sequence,
    string,
)
from backscroll.history.reading.json_streams import (
    JsonProblem,
    JsonRecord,
    json_document,
    json_lines,
)
from backscroll.history.reading.times import unix_seconds
from backscroll.history.source_file import SourceFile

NAME: Final = "vscode-copilot"
_MAX_WORKSPACE: Final = 1024 * 1024
"""How many bytes of a `workspace.json` are read. It is small: it only names a folder."""

_OLDER: Final = "is an older .json file of a chat, which is read from its newer .jsonl file instead"
_TORN: Final = "is cut off: VS Code may be writing it now, so try again"
_COPY: Final = "is a log of a chat that is also in chatSessions, from where it is read"


def recognises(sample: Sample) -> bool:
    """Return whether a file is a chat of VS Code: JSON, a log of changes, or a transcript."""
    if not sample.records:
        return False
    first = sample.records[0]
    if sample.kind == "object" and _is_session(first):
        return True
    if sample.kind not in {"object", "lines"}:
        return False
    return _is_start(first) or is_event(first)


def _is_session(record: Mapping[str, Any]) -> bool:
    known = ("sessionId", "responderUsername", "requesterUsername", "creationDate")
    return isinstance(record.get("requests"), list) and any(name in record for name in known)


def _is_start(record: Mapping[str, Any]) -> bool:
    return record.get("kind") == 0 and _is_session(mapping(record.get("v")))


def read(file: SourceFile) -> Iterator[Record]:
    """Yield the chat of a file, and the chats of its sub-agents if the file is a transcript."""
    with file.open() as stream:
        first = json_document(stream)
    if isinstance(first, JsonProblem):
        yield NotNow(first.position, _TORN) if first.torn else first
    elif _is_session(first.value):
        session = _session(file, first.value, first.replaced)
        is_older = (
            file.path is not None
            and file.path.suffix == ".json"
            and _has_chat(file.path.with_suffix(".jsonl"))
        )
        if isinstance(session, SourceConversation) and is_older:
            yield ReadElsewhere(session.id, _OLDER)
        else:
            yield session
    else:
        yield from _log(file, first.value)


def _log(file: SourceFile, first: Mapping[str, Any]) -> Iterator[Record]:
    """Yield the chats of a file of JSON Lines, and then the lines that could not be read."""
    problems: list[Unreadable] = []
    with file.open() as stream:
        lines = _lines(json_lines(stream), problems)
        if is_event(first):
            yield from _transcript(file, lines)
        else:
            log = ObjectLog()
            replaced = 0
            for line in lines:
                log.apply(line.value)
                replaced += line.replaced
            yield _session(file, mapping(log.value), replaced, is_partial=bool(problems))
    yield from problems


def _lines(
    records: Iterator[JsonRecord | JsonProblem], problems: list[Unreadable]
) -> Iterator[JsonRecord]:
    for record in records:
        if isinstance(record, JsonRecord):
            yield record
        elif not record.torn:  # VS Code is still writing a torn line, so the next run reads it
            problems.append(record)


def _transcript(file: SourceFile, events: Iterator[JsonRecord]) -> Iterator[Record]:
    session_id = PurePath(file.name).stem
    for record in read_events(NAME, session_id, _project(file, 2), events):
        if isinstance(record, SourceConversation) and _is_also_a_session(file, record):
            yield ReadElsewhere(record.id, _COPY)
            return
        yield record


def _is_also_a_session(file: SourceFile, record: SourceConversation) -> bool:
    """Return whether VS Code also keeps the messages of a transcript in `chatSessions`."""
    if file.path is None:
        return False
    folder = file.path.parent.parent.parent / "chatSessions"
    return any(_has_chat(folder / f"{record.id}{suffix}") for suffix in (".jsonl", ".json"))


def _has_chat(path: Path) -> bool:
    """Return whether a file exists and has messages."""
    if not path.is_file():
        return False
    file = SourceFile(str(path), partial(path.open, "rb"), path)
    return any(isinstance(found, SourceConversation | ReadElsewhere) for found in read(file))


def _session(
    file: SourceFile, session: Mapping[str, Any], replaced: int = 0, *, is_partial: bool = False
) -> Record:
    draft = Draft(NAME)
    draft.replaced = replaced
    for value in sequence(session.get("requests")):
        request = mapping(value)
        if not _is_undone(request):
            add_request(draft, request)
    title = string(session.get("customTitle")) or string(session.get("computedTitle"))
    return draft.finish(
        identifier(session.get("sessionId")) or PurePath(file.name).stem,
        title=title,
        created_at=unix_seconds(session.get("creationDate")),
        updated_at=unix_seconds(session.get("lastMessageDate")),
        project=_project(file, 1),
        is_partial=is_partial,
    )


def _is_undone(request: Mapping[str, Any]) -> bool:
    """Return whether a request is hidden, because the user went back to a checkpoint before it."""
    removed = request.get("shouldBeRemovedOnSend")
    is_partly_undone = isinstance(mapping(removed).get("afterUndoStop"), str)
    return request.get("isHidden") is True or (bool(removed) and not is_partly_undone)


def _project(file: SourceFile, levels: int) -> str:
    """Return the folder of the workspace, which `workspace.json` names.

    Args:
        levels: the number of folders between the file and the folder that has `workspace.json`.
    """
    if file.path is None or len(file.path.parents) <= levels:
        return ""
    try:
        with (file.path.parents[levels] / "workspace.json").open("rb") as stream:
            found = mapping(parsed(stream.read(_MAX_WORKSPACE)))
    except OSError:
        return ""
    return path_in_address(first_text(found, "folder", "workspace"))
