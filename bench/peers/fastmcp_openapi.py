"""What FastMCP makes of a store's OpenAPI document: `fastmcp_openapi.py BASE_URL [PORT]`."""

import sys
from typing import Final

import httpx2
from fastmcp import FastMCP

MESSAGE: Final = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "object": {"type": "string"},
        "created_at": {"type": "integer"},
        "thread_id": {"type": "string"},
        "role": {"type": "string", "enum": ["user", "assistant"]},
        "content": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["id", "object", "created_at", "thread_id", "role", "content"],
}
MESSAGES: Final = {
    "type": "object",
    "properties": {
        "object": {"type": "string"},
        "data": {"type": "array", "items": MESSAGE},
        "first_id": {"type": ["string", "null"]},
        "last_id": {"type": ["string", "null"]},
        "has_more": {"type": "boolean"},
    },
    "required": ["object", "data", "has_more"],
}
ORDER: Final = {"type": "string", "enum": ["asc", "desc"], "default": "desc"}
LIMIT: Final = {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
DOCUMENT: Final = {
    "openapi": "3.1.0",
    "info": {"title": "A store of conversations", "version": "1"},
    "paths": {
        "/threads/{thread_id}/messages": {
            "get": {
                "operationId": "listMessages",
                "summary": "Returns a list of messages for a given thread.",
                "parameters": [
                    {
                        "name": "thread_id",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "string"},
                    },
                    {"name": "limit", "in": "query", "schema": LIMIT},
                    {"name": "order", "in": "query", "schema": ORDER},
                    {"name": "after", "in": "query", "schema": {"type": "string"}},
                    {"name": "before", "in": "query", "schema": {"type": "string"}},
                    {"name": "run_id", "in": "query", "schema": {"type": "string"}},
                ],
                "responses": {
                    "200": {
                        "description": "OK",
                        "content": {"application/json": {"schema": MESSAGES}},
                    }
                },
            }
        }
    },
}
"""The one endpoint, as OpenAI's own document describes it."""


def main(base_url: str, port: str = "") -> None:
    """Serve the document's tools over stdio until the host goes, or over HTTP on a port."""
    client = httpx2.AsyncClient(base_url=base_url, headers={"OpenAI-Beta": "assistants=v2"})
    server = FastMCP.from_openapi(DOCUMENT, client=client, name="peer")
    if port:
        server.run(
            "http",
            host="127.0.0.1",
            port=int(port),
            stateless_http=True,
            json_response=True,
            log_level="error",
            show_banner=False,
        )
    else:
        server.run(show_banner=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
