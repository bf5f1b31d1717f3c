"""The Gemini API: `generateContent` and `streamGenerateContent`, which Gemini CLI calls."""

from typing import Any

from bench.hosts.apis.api import Body, Reply, in_events, in_json, joined
from bench.hosts.script import DONE, Call, Output, Request, Tool


def read(path: str, body: Body) -> Request:
    """Return a request; the name of its method is at the end of the path."""
    declared = [
        tool for group in body.get("tools", []) for tool in group.get("functionDeclarations", [])
    ]
    parts = [part for each in body.get("contents", []) for part in each.get("parts", [])]
    responses = [part["functionResponse"] for part in parts if "functionResponse" in part]
    return Request(
        [
            Tool(
                tool["name"],
                tool.get("description", ""),
                tool.get("parametersJsonSchema", tool.get("parameters", {})),
            )
            for tool in declared
        ],
        [Output(response.get("id", ""), _text(response["response"])) for response in responses],
        path,
        streamed="stream" in path,
    )


def _text(response: Body) -> str:
    return joined(response.get("output", response.get("error", response)))


def reply(request: Request, call: Call | None) -> Reply:
    """Return a response, or a stream of one response."""
    part: dict[str, Any] = {"text": DONE}
    if call is not None:
        function = {"id": call.id, "name": call.name, "args": dict(call.arguments)}
        part = {"functionCall": function, "thoughtSignature": "c2NyaXB0ZWQ="}
    response = {
        "candidates": [
            {"index": 0, "content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}
        ],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
        "modelVersion": "scripted",
    }
    if "countTokens" in request.path:
        return in_json({"totalTokens": 1})
    return in_events([response]) if request.streamed else in_json(response)
