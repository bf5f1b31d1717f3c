"""OpenAI's Responses API, which Codex speaks."""

import json
from collections.abc import Iterator
from typing import Any

from bench.hosts.apis.api import Body, Reply, in_events, in_json, joined
from bench.hosts.script import DONE, Call, Output, Request, Tool

_SEARCH = "tool_search"


def read(path: str, body: Body) -> Request:
    """Return a request to `/responses`.

    Codex groups a server's tools in a tool of the type `namespace`. A search for tools returns such
    groups too, as an item of the type `tool_search_output`.
    """
    items = body.get("input", [])
    items = items if isinstance(items, list) else []
    found = [each for item in items for each in item.get("tools", [])]
    return Request(
        list(_tools([*body.get("tools", []), *found])),
        [
            Output(item.get("call_id") or "", joined(item.get("output")))
            for item in items
            if item.get("type") in {"function_call_output", f"{_SEARCH}_output"}
        ],
        path,
        streamed=bool(body.get("stream")),
    )


def _tools(listed: list[dict[str, Any]], namespace: str = "") -> Iterator[Tool]:
    for tool in listed:
        if tool.get("type") == "namespace":
            yield from _tools(tool["tools"], tool["name"])
        elif tool.get("type") in {"function", _SEARCH}:
            name, text = tool.get("name", _SEARCH), tool.get("description", "")
            yield Tool(name, text, tool.get("parameters") or {}, namespace)


def reply(request: Request, call: Call | None) -> Reply:
    """Return a response, as one object or as events."""
    text = {"type": "output_text", "text": DONE, "annotations": []}
    item: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [text],
    }
    if call is not None and call.name == _SEARCH:
        item = {
            "id": f"tsc_{call.id}",
            "type": "tool_search_call",
            "call_id": call.id,
            "status": "completed",
            "execution": "client",
            "arguments": dict(call.arguments),
        }
    elif call is not None:
        item = {
            "id": f"fc_{call.id}",
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "status": "completed",
            "arguments": json.dumps(call.arguments),
        }
        if call.namespace:
            item["namespace"] = call.namespace
    usage = {
        "input_tokens": 1,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 1,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 2,
    }
    response = {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "output": [item],
        "usage": usage,
    }
    if not request.streamed:
        return in_json(response)
    return in_events(
        [
            {"type": "response.created", "response": {**response, "output": []}},
            {"type": "response.output_item.added", "output_index": 0, "item": item},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": response},
        ],
        named=True,
    )
