"""What every API of a model has in common."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from bench.hosts.script import Call, Request

Body: TypeAlias = Mapping[str, Any]
"""A request's or a reply's JSON."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response.

    Attributes:
        body: the response body.
        media_type: the media type of the body.
    """

    body: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Api:
    """An API that a host speaks with its model.

    Attributes:
        read: returns a request, from its path and its body.
        reply: returns the response to a request: a call, or `script.DONE` if the call is None.
    """

    read: Callable[[str, Body], Request]
    reply: Callable[[Request, Call | None], Reply]


def in_json(value: object) -> Reply:
    """Return a response of one JSON document."""
    return Reply(json.dumps(value).encode(), "application/json")


def in_events(events: Iterable[Body], *, named: bool = False, done: bool = False) -> Reply:
    """Return a response of server-sent events.

    Args:
        events: the data of each event.
        named: whether the field `type` of each event is also the event's name.
        done: whether `[DONE]` ends the stream, as in OpenAI's Chat Completions API.
    """
    blocks = [
        (f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n"
        for event in events
    ]
    if done:
        blocks.append("data: [DONE]\n\n")
    return Reply("".join(blocks).encode(), "text/event-stream")


def joined(content: object) -> str:
    """Return the text of a message's content: a string, or a list of parts with texts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(filter(None, map(joined, content)))
    if isinstance(content, Mapping):
        return joined(content.get("text", content.get("content", "")))
    return ""
