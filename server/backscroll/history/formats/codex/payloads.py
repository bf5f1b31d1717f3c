"""Converts the payloads of a Codex log to items."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from pydantic_core import from_json

from backscroll.history.formats.codex.reported import COMPLETED, EVENT, ITEM, Channel, Identity
from backscroll.history.items import log_items
from backscroll.history.reading.fields import mapping, objects_of, sequence, text_in
from backscroll.history.reading.texts import kept_text
from backscroll.store.envelopes import JSON
from backscroll_tools.client.abridging import abridged

_NOT_TYPED: Final = (
    "# AGENTS.md",
    "<apps_instructions>",
    "<collaboration_mode>",
    "<environment_context>",
    "<INSTRUCTIONS>",
    "<permissions instructions>",
    "<plugins_instructions>",
    "<skill>",
    "<skills_instructions>",
    "<subagent_notification>",
    "<turn_aborted>",
    "<user_instructions>",
    "<user_shell_command>",
)
"""The starts of texts that the program, not the user, wrote into a user's message."""

_CONTEXT: Final = "# Context from my IDE setup:"
_REQUEST: Final = "## My request for Codex:"
_IMAGE_MARK: Final = re.compile(r"\s*</?image\b[^>]*>\s*")
_OUTPUT: Final = '{"output":'
_TEXTS: Final = frozenset(
    {"input_text", "output_text", "text", "Text", "reasoning_text", "summary_text"}
)
_ROLES: Final = frozenset({"user", "assistant"})
_IMAGES: Final = frozenset({"input_image", "image"})
_OTHER_ITEMS: Final = ("_call", "_call_output")


class Report(NamedTuple):
    """A message, reasoning, tool call or output that a log reports.

    Attributes:
        channel: how the log reports it.
        identity: what the log reports. Two reports of the same thing have equal identities.
        body: builds the item. It is called only for items that are used, because it is slow.
    """

    channel: Channel
    identity: Identity
    body: Callable[[], JSON]


def reports_of_item(payload: JSON) -> Iterator[Report]:
    """Yield the reports in an item of the model's API."""
    match payload.get("type", "message" if "role" in payload else None):
        case "message":
            yield from _message(payload.get("role"), payload.get("content"), ITEM)
        case "reasoning":
            for text in (*_texts(payload.get("summary")), *_texts(payload.get("content"))):
                yield from _reasoning(text, ITEM)
        case "function_call":
            arguments = payload.get("arguments", "{}")
            yield from _call(payload, ITEM, text_in(payload, "name"), arguments)
        case "custom_tool_call":
            call_id = text_in(payload, "call_id")
            yield Report(ITEM, ("call", call_id), partial(_custom_call, payload))
        case "function_call_output" | "custom_tool_call_output" as kind:
            call_id = text_in(payload, "call_id")
            yield Report(ITEM, ("output", call_id), partial(_call_output, kind, payload))
        case str() as kind if kind.endswith(_OTHER_ITEMS):
            item = _short({**payload, "type": kind})
            identity = text_in(payload, "call_id") or log_items.json_text(item)
            yield Report(ITEM, (kind, identity), partial(dict, item))
        case _:
            pass


def reports_of_event(payload: JSON) -> Iterator[Report]:
    """Yield the reports in an event."""
    match payload.get("type"):
        case "user_message":
            yield from _message("user", payload.get("message"), EVENT)
        case "agent_message":
            yield from _message("assistant", payload.get("message"), EVENT)
        case "agent_reasoning" | "agent_reasoning_raw_content":
            yield from _reasoning(text_in(payload, "text"), EVENT)
        case "item_completed" if isinstance(item := payload.get("item"), dict):
            yield from _reports_of_completed(item)
        case _:
            pass


def prompts_in_history(history: Any) -> Iterator[Report]:  # noqa: ANN401 - any JSON value
    """Yield the prompts in a `replacement_history`, which is written when a thread is compacted."""
    for payload in sequence(history):
        if isinstance(payload, dict) and payload.get("role") == "user":
            yield from reports_of_item(payload)


def _reports_of_completed(item: JSON) -> Iterator[Report]:
    match item.get("type"):
        case "UserMessage":
            yield from _message("user", item.get("content"), COMPLETED)
        case "AgentMessage":
            yield from _message("assistant", item.get("content"), COMPLETED)
        case "Reasoning":
            for name in ("summary_text", "raw_content"):
                for text in sequence(item.get(name)):
                    yield from _reasoning(text, COMPLETED)
        case "CommandExecution":
            call = {"call_id": item.get("id")}
            arguments = {"command": item.get("command")}
            yield from _call(call, COMPLETED, "exec_command", arguments)
            output = item.get("aggregated_output", item.get("stdout"))
            if isinstance(output, str):
                call_id = text_in(item, "id")
                body = partial(log_items.function_call_output, call_id, output)
                yield Report(COMPLETED, ("output", call_id), body)
        case _:
            pass


def _message(role: Any, content: Any, channel: Channel) -> Iterator[Report]:  # noqa: ANN401 - any JSON value
    if not isinstance(role, str) or role not in _ROLES:
        return
    texts, images = [content] if isinstance(content, str) else _texts(content), _images(content)
    if role == "user":
        texts = [typed_text(text) for text in texts if not _IMAGE_MARK.fullmatch(text)]
    text = "\n".join(filter(str.strip, texts)).strip()
    shown = "\n".join(filter(None, (text, *images)))
    if shown:
        yield Report(channel, (role, text or shown), partial(log_items.message, role, shown))


def typed_text(text: str) -> str:
    """Return a text of the user without what the program inserted; empty if nothing was typed."""
    if text.lstrip().startswith(_CONTEXT):
        return text.partition(_REQUEST)[2].strip()
    return "" if text.lstrip().startswith(_NOT_TYPED) else text


def _reasoning(text: Any, channel: Channel) -> Iterator[Report]:  # noqa: ANN401 - any JSON value
    if isinstance(text, str) and text.strip():
        thought = text.strip()
        yield Report(channel, ("reasoning", thought), partial(log_items.reasoning, thought))


def _call(payload: JSON, channel: Channel, name: str, arguments: object) -> Iterator[Report]:
    call_id = text_in(payload, "call_id")
    body = partial(log_items.function_call, call_id, name, arguments)
    yield Report(channel, ("call", call_id), body)


def _custom_call(payload: JSON) -> JSON:
    return {
        "type": "custom_tool_call",
        "call_id": text_in(payload, "call_id"),
        "name": text_in(payload, "name"),
        "input": kept_text(text_in(payload, "input")),
    }


def _call_output(kind: str, payload: JSON) -> JSON:
    output = kept_text(_output(payload.get("output")))
    return {"type": kind, "call_id": text_in(payload, "call_id"), "output": output}


def _texts(parts: Any) -> list[str]:  # noqa: ANN401 - any JSON value
    found = (part for part in objects_of(parts) if text_in(part, "type") in _TEXTS)
    return [text for part in found if (text := text_in(part, "text"))]


def _images(parts: Any) -> list[str]:  # noqa: ANN401 - any JSON value
    return [
        log_items.base64_note({"url": part.get("image_url")})
        for part in objects_of(parts)
        if text_in(part, "type") in _IMAGES
    ]


def _output(output: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(output, str):
        return _unwrapped(output) if output.startswith(_OUTPUT) else output
    if isinstance(output, dict) and isinstance(output.get("content"), str):
        return str(output["content"])
    if isinstance(output, list):
        return "\n".join((*_texts(output), *_images(output)))
    return "" if output is None else log_items.json_text(output)


def _unwrapped(output: str) -> str:
    """Return the output of a command, which some versions write as JSON in a string."""
    try:
        value = from_json(output)
    except ValueError:
        return output
    inner = mapping(value).get("output")
    return inner if isinstance(inner, str) else output


def _short(payload: JSON) -> JSON:
    """Return an item with its binary content replaced and its long texts cut."""
    shorter = abridged(payload)
    return {
        name: kept_text(value) if isinstance(value, str) else value
        for name, value in shorter.items()
        if name not in {"id", "encrypted_content"}
    }
