"""What FastMCP makes of the whole API's document: `fastmcp_conversations.py BASE_URL`."""

import sys
from typing import Any, Final

import httpx2
from fastmcp import FastMCP

_TEXT: Final = {"type": "string"}
_ORDER: Final = {"type": "string", "enum": ["asc", "desc"], "default": "desc"}
_LIMIT: Final = {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
_PAGE: Final = {"limit": _LIMIT, "order": _ORDER, "after": _TEXT}
_MESSAGE: Final = {
    "type": "object",
    "properties": {
        "role": {"type": "string", "enum": ["user", "assistant"]},
        "content": {"type": "string"},
        "attachments": {"type": "array", "items": {"type": "object"}},
        "metadata": {"type": "object"},
    },
    "required": ["role", "content"],
}
_THREAD: Final = {"type": "object", "properties": {"metadata": {"type": "object"}}}


def _operation(
    name: str, summary: str, path: str, query: dict[str, Any], body: dict[str, Any] | None = None
) -> dict[str, Any]:
    owners = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    told: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "parameters": [
            *({"name": each, "in": "path", "required": True, "schema": _TEXT} for each in owners),
            *({"name": each, "in": "query", "schema": schema} for each, schema in query.items()),
        ],
        "responses": {"200": {"description": "OK"}},
    }
    if body is not None:
        told["requestBody"] = {"content": {"application/json": {"schema": body}}}
    return told


_MESSAGES: Final = "/threads/{thread_id}/messages"
_ONE: Final = f"{_MESSAGES}/{{message_id}}"
_CHAT: Final = "/chat/completions"
_COMPLETION: Final = f"{_CHAT}/{{completion_id}}"
_ITEMS: Final = "/conversations/{conversation_id}/items"

DOCUMENT: Final = {
    "openapi": "3.1.0",
    "info": {"title": "A store of conversations", "version": "1"},
    "paths": {
        "/threads": {
            "get": _operation("listThreads", "Returns a list of threads.", "", _PAGE),
            "post": _operation("createThread", "Create a thread.", "", {}, _THREAD),
        },
        _MESSAGES: {
            "get": _operation(
                "listMessages",
                "Returns a list of messages for a given thread.",
                _MESSAGES,
                {**_PAGE, "before": _TEXT, "run_id": _TEXT},
            ),
            "post": _operation("createMessage", "Create a message.", _MESSAGES, {}, _MESSAGE),
        },
        _ONE: {"get": _operation("getMessage", "Retrieve a message.", _ONE, {})},
        _ITEMS: {
            "get": _operation("listItems", "List all items for a conversation.", _ITEMS, _PAGE)
        },
        _CHAT: {
            "get": _operation(
                "listChatCompletions",
                "List stored Chat Completions.",
                _CHAT,
                {**_PAGE, "model": _TEXT},
            )
        },
        _COMPLETION: {
            "get": _operation("getChatCompletion", "Get a stored chat completion.", _COMPLETION, {})
        },
        f"{_COMPLETION}/messages": {
            "get": _operation(
                "getChatCompletionMessages",
                "Get the messages in a stored chat completion.",
                f"{_COMPLETION}/messages",
                _PAGE,
            )
        },
    },
}
"""The endpoints, in the words of OpenAI's own document; `GET /threads` is the store's."""


def main(base_url: str) -> None:
    """Serve the document's tools until the host goes."""
    client = httpx2.AsyncClient(base_url=base_url, headers={"OpenAI-Beta": "assistants=v2"})
    FastMCP.from_openapi(DOCUMENT, client=client, name="peer").run(show_banner=False)


if __name__ == "__main__":
    main(sys.argv[1])
