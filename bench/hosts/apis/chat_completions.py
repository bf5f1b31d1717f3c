"""OpenAI's Chat Completions API, which opencode and Copilot CLI speak with any other provider."""

import json
from typing import Any

from bench.hosts.apis.api import Body, Reply, in_events, in_json, joined
from bench.hosts.script import DONE, Call, Output, Request, Tool


def read(path: str, body: Body) -> Request:
    """Return a request to `/chat/completions`."""
    tools = [each["function"] for each in body.get("tools", []) if each.get("type") == "function"]
    return Request(
        [
            Tool(tool["name"], tool.get("description", ""), tool.get("parameters", {}))
            for tool in tools
        ],
        [
            Output(message["tool_call_id"], joined(message.get("content")))
            for message in body.get("messages", [])
            if message.get("role") == "tool"
        ],
        path,
        streamed=bool(body.get("stream")),
    )


def reply(request: Request, call: Call | None) -> Reply:
    """Return a chat completion, as one object or as chunks."""
    base = {"id": "chatcmpl-1", "created": 0, "model": "scripted"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    message: dict[str, Any] = {"role": "assistant", "content": DONE}
    finish = "stop"
    if call is not None:
        function = {"name": call.name, "arguments": json.dumps(call.arguments)}
        message["content"] = None
        message["tool_calls"] = [
            {"index": 0, "id": call.id, "type": "function", "function": function}
        ]
        finish = "tool_calls"
    if not request.streamed:
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return in_json({**base, "object": "chat.completion", "choices": [choice], "usage": usage})
    chunk = {**base, "object": "chat.completion.chunk"}
    first = {"index": 0, "delta": message, "finish_reason": None}
    last: dict[str, Any] = {"index": 0, "delta": {}, "finish_reason": finish}
    return in_events(
        [{**chunk, "choices": [first]}, {**chunk, "choices": [last], "usage": usage}], done=True
    )
