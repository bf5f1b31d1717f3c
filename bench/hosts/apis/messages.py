"""Anthropic's Messages API, which Claude Code speaks."""

import json
from typing import Any

from bench.hosts.apis.api import Body, Reply, in_events, in_json, joined
from bench.hosts.script import DONE, Call, Output, Request, Tool


def read(path: str, body: Body) -> Request:
    """Return a request to `/v1/messages`.

    A tool with `defer_loading` is offered only after a result has a reference to it.
    """
    blocks = [
        block
        for message in body.get("messages", [])
        if isinstance(message.get("content"), list)
        for block in message["content"]
    ]
    results = [block for block in blocks if block.get("type") == "tool_result"]
    found = {
        part["tool_name"]
        for result in results
        if isinstance(result.get("content"), list)
        for part in result["content"]
        if part.get("type") == "tool_reference"
    }
    return Request(
        [
            Tool(tool["name"], tool.get("description", ""), tool.get("input_schema", {}))
            for tool in body.get("tools", [])
            if not tool.get("defer_loading") or tool["name"] in found
        ],
        [Output(result["tool_use_id"], joined(result.get("content"))) for result in results],
        path,
        streamed=bool(body.get("stream")),
    )


def reply(request: Request, call: Call | None) -> Reply:
    """Return a message, as one object or as events."""
    if "count_tokens" in request.path:
        return in_json({"input_tokens": 1})
    usage = {"input_tokens": 1, "output_tokens": 1}
    block: dict[str, Any] = {"type": "text", "text": DONE}
    empty: dict[str, Any] = {"type": "text", "text": ""}
    delta: dict[str, Any] = {"type": "text_delta", "text": DONE}
    reason = "end_turn"
    if call is not None:
        empty = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        block = {**empty, "input": dict(call.arguments)}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(call.arguments)}
        reason = "tool_use"
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [block],
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": usage,
    }
    if not request.streamed:
        return in_json(message)
    begun = {**message, "content": [], "stop_reason": None}
    ended = {"stop_reason": reason, "stop_sequence": None}
    return in_events(
        [
            {"type": "message_start", "message": begun},
            {"type": "content_block_start", "index": 0, "content_block": empty},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 1}},
            {"type": "message_stop"},
        ],
        named=True,
    )
