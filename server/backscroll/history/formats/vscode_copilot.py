"""Chats of VS Code: `chatSessions/*.json`, `*.jsonl` logs of changes, and Copilot's transcripts.

Sources: `chatModel.ts` of VS Code (`ISerializableChatData`, versions 1 to 3), and `object_log` for
the `.jsonl` files, which VS Code writes from 1.109 on.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from backscroll.history.content import content_text
from backscroll.history.conversation import ReadElsewhere, SourceConversation, Unreadable
from backscroll.history.draft import Draft
from backscroll.history.fields import (
    identifier,
    mapping,
    parsed,
    sequence,
    string,
    unix_seconds,
)
from backscroll.history.formats.copilot_events import is_event, read_events
from backscroll.history.formats.format import Format, Record
from backscroll.history.formats.object_log import ObjectLog
from backscroll.history.json_streams import JsonProblem, JsonRecord, json_document, json_lines
from backscroll.history.sample import Sample
from backscroll.history.source_file import SourceFile

_NAME: Final = "vscode-copilot"
_MAX_WORKSPACE: Final = 1024 * 1024
"""The maximum size of a `workspace.json`, in bytes. It has the address of one folder."""

_COPY: Final = "is a log of a chat that is also in chatSessions, from where it is read"


def recognises(sample: Sample) -> bool:
    """Return whether a file is a chat of VS Code, in any of its three forms."""
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
    if isinstance(first, Unreadable):
        yield first
    elif _is_session(first.value):
        yield _session(file, first.value, first.replaced)
    else:
        yield from _log(file, first.value)


def _log(file: SourceFile, first: Mapping[str, Any]) -> Iterator[Record]:
    """Yield the chats of a file of lines, and then the lines that could not be read."""
    problems: list[Unreadable] = []
    with file.open() as stream:
        lines = _lines(json_lines(stream), problems)
        if is_event(first):
            yield from _transcript(file, lines)
        else:
            log = ObjectLog()
            for line in lines:
                log.apply(line)
            yield _session(file, mapping(log.value))
    yield from problems


def _lines(
    records: Iterator[JsonRecord | JsonProblem], problems: list[Unreadable]
) -> Iterator[Mapping[str, Any]]:
    for record in records:
        if isinstance(record, JsonRecord):
            yield record.value
        elif not record.torn:  # VS Code is writing this line, so the next run reads it
            problems.append(record)


def _transcript(file: SourceFile, events: Iterator[Mapping[str, Any]]) -> Iterator[Record]:
    session_id = PurePath(file.name).stem
    for record in read_events(_NAME, session_id, _project(file, 2), events):
        if isinstance(record, SourceConversation) and _is_also_a_session(file, record):
            yield ReadElsewhere(record.id, _COPY)
            return
        yield record


def _is_also_a_session(file: SourceFile, record: SourceConversation) -> bool:
    """Return whether VS Code also keeps the messages of a transcript in `chatSessions`."""
    if file.path is None:
        return False
    folder = file.path.parent.parent.parent / "chatSessions"
    paths = (folder / f"{record.id}.jsonl", folder / f"{record.id}.json")
    twins = (SourceFile(str(path), partial(path.open, "rb"), path) for path in paths)
    return any(
        isinstance(found, SourceConversation)
        for twin in twins
        if twin.path is not None and twin.path.is_file()
        for found in read(twin)
    )


def _session(file: SourceFile, session: Mapping[str, Any], replaced: int = 0) -> Record:
    draft = Draft(_NAME)
    draft.replaced = replaced
    for value in sequence(session.get("requests")):
        request = mapping(value)
        if not _is_undone(request):
            _add_request(draft, request)
    title = string(session.get("customTitle")) or string(session.get("computedTitle"))
    return draft.finish(
        identifier(session.get("sessionId")) or PurePath(file.name).stem,
        title=title,
        created_at=unix_seconds(session.get("creationDate")),
        updated_at=unix_seconds(session.get("lastMessageDate")),
        project=_project(file, 1),
    )


def _is_undone(request: Mapping[str, Any]) -> bool:
    """Return whether the user went back to a checkpoint before a request, which hides it."""
    removed = request.get("shouldBeRemovedOnSend")
    is_partly_undone = isinstance(mapping(removed).get("afterUndoStop"), str)
    return request.get("isHidden") is True or (bool(removed) and not is_partly_undone)


def _add_request(draft: Draft, request: Mapping[str, Any]) -> None:
    key = identifier(request.get("requestId"))
    at = unix_seconds(request.get("timestamp"))
    draft.model = string(request.get("modelId")) or draft.model
    message = request.get("message")
    parts = mapping(message).get("parts")
    asked = string(message) or string(mapping(message).get("text")) or content_text(parts)
    draft.message("user", asked, key, at)
    _Response(draft, key, at, mapping(mapping(request.get("result")).get("metadata"))).add(
        request.get("response")
    )


class _Response:
    """The response to one request. Its text is in pieces, between which tools are called."""

    def __init__(self, draft: Draft, key: str, at: int | None, metadata: Mapping[str, Any]) -> None:
        self._draft = draft
        self._key = key
        self._at = at
        self._number = 0
        self._text: list[str] = []
        self._calls: dict[str, Mapping[str, Any]] = {}
        for value in sequence(metadata.get("toolCallRounds")):
            for call in map(mapping, sequence(mapping(value).get("toolCalls"))):
                # The ids here may end in a mark that those in the response do not have.
                self._calls[identifier(call.get("id")).partition("__vscode")[0]] = call
        self._results = mapping(metadata.get("toolCallResults"))

    def add(self, response: object) -> None:
        """Add all items of a response."""
        for part in [response] if isinstance(response, str) else sequence(response):
            fields = mapping(part)
            match fields.get("kind"):
                case None:
                    self._text.append(string(part) or _markdown(fields))
                case "markdownContent" | "markdownVuln":
                    self._text.append(_markdown(fields.get("content")) or _markdown(fields))
                case "inlineReference":
                    self._text.append(_reference(fields))
                case "thinking":
                    self._end_text()
                    value = fields.get("value")
                    self._draft.reasoning(content_text(value), self._next_key("r"), self._at)
                case "toolInvocationSerialized":
                    self._end_text()
                    self._add_tool(fields)
        self._end_text()

    def _next_key(self, kind: str) -> str:
        self._number += 1
        return self._key and f"{self._key}/{kind}{self._number}"

    def _end_text(self) -> None:
        text = "".join(self._text)
        self._text.clear()
        if text.strip():
            self._draft.message("assistant", text, self._next_key("t"), self._at)

    def _add_tool(self, tool: Mapping[str, Any]) -> None:
        call_id = identifier(tool.get("toolCallId")) or f"call_{len(self._draft.items) + 1}"
        recorded = self._calls.get(call_id.partition("__vscode")[0], {})
        details = mapping(tool.get("resultDetails"))
        data = mapping(tool.get("toolSpecificData"))
        name = string(tool.get("toolId")) or string(recorded.get("name"))
        arguments = (
            details.get("input")
            or recorded.get("arguments")
            or _command(data)
            or {"message": _markdown(tool.get("invocationMessage"))}
        )
        output = (
            _values(details.get("output"))
            or string(mapping(data.get("terminalCommandOutput")).get("text"))
            or self._result(recorded)
            or _markdown(tool.get("pastTenseMessage"))
        )
        key = self._key and f"{self._key}/{call_id}"
        self._draft.call(call_id, name, arguments, key, self._at)
        if output:
            self._draft.output(call_id, output, key and f"{key}/output", self._at)

    def _result(self, recorded: Mapping[str, Any]) -> str:
        found = mapping(self._results.get(identifier(recorded.get("id"))))
        return _values(found.get("content"))


def _markdown(value: object) -> str:
    """Return the text of a Markdown string, which may be an object with its text as `value`."""
    return string(value) or string(mapping(value).get("value"))


def _values(values: object) -> str:
    """Return the texts of a tool's output, which may be one text."""
    if isinstance(values, str):
        return values
    return "\n".join(filter(None, (_markdown(value) for value in sequence(values))))


def _reference(part: Mapping[str, Any]) -> str:
    """Return the name of a file or symbol that a text mentions."""
    target = mapping(part.get("inlineReference"))
    uri = mapping(target.get("uri")) or target
    path = string(uri.get("path")) or string(uri.get("fsPath"))
    name = string(part.get("name")) or string(target.get("name")) or path.rpartition("/")[2]
    return f"`{name}`" if name else ""


def _command(data: Mapping[str, Any]) -> Mapping[str, Any]:
    line = mapping(data.get("commandLine"))
    command = string(line.get("original")) or string(data.get("command"))
    return {"command": command} if command else {}


def _project(file: SourceFile, levels: int) -> str:
    """Return the folder of the workspace, which `workspace.json` names.

    Args:
        levels: how many folders the file is below the folder with `workspace.json`.
    """
    if file.path is None or len(file.path.parents) <= levels:
        return ""
    try:
        with (file.path.parents[levels] / "workspace.json").open("rb") as stream:
            found = mapping(parsed(stream.read(_MAX_WORKSPACE)))
    except OSError:
        return ""
    address = string(found.get("folder")) or string(found.get("workspace"))
    try:
        path = unquote(urlsplit(address).path)
    except ValueError:
        return ""
    is_windows = path[2:3] == ":"  # `/c:/Users`
    return path[1:] if is_windows else path


FORMAT: Final = Format(
    name=_NAME,
    words="a chat of VS Code",
    recognises=recognises,
    read=read,
)
