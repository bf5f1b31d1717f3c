"""Requests of a chat of VS Code, each with its response.

A response is a list of parts. If a part has no `kind`, it is text.

Source: `chatModel.ts` and `chatService.ts` of VS Code.
"""

from collections.abc import Mapping
from typing import Any

from backscroll.history.items.content import content_text
from backscroll.history.items.draft import Draft
from backscroll.history.reading.fields import identifier, mapping, sequence, string
from backscroll.history.reading.times import unix_seconds


def add_request(draft: Draft, request: Mapping[str, Any]) -> None:
    """Add the message of the user, and the items of the response."""
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
                # These ids may end with `__vscode…`, which the ids in the response lack.
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
    """Return the text of a tool's output, which is one text or a list of texts."""
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
