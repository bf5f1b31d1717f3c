"""The store's endpoints as an OpenAPI document, from which random requests are drawn."""

from typing import Any, Final

JSON = dict[str, Any]

_ORDER: Final[JSON] = {"type": "string", "enum": ["asc", "desc"]}
_PAGING: Final = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 100},
    "order": _ORDER,
    "after": {"type": "string"},
    "before": {"type": "string"},
}
_METADATA: Final[JSON] = {
    "type": "object",
    "maxProperties": 16,
    "propertyNames": {"maxLength": 64},
    "additionalProperties": {"type": "string", "maxLength": 512},
}
_PARTS: Final[JSON] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"type": {"enum": ["text"]}, "text": {"type": "string"}},
        "required": ["type", "text"],
    },
}
_MESSAGE: Final[JSON] = {
    "type": "object",
    "properties": {
        "role": {"enum": ["user", "assistant"]},
        "content": {"anyOf": [{"type": "string"}, _PARTS]},
        "metadata": _METADATA,
        "attachments": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["role", "content"],
}
_MODIFY: Final[JSON] = {"type": "object", "properties": {"metadata": _METADATA}}
_ASSISTANT: Final[JSON] = {
    "type": "object",
    "properties": {
        "model": {"type": "string"},
        "tools": {"type": "array", "items": {"type": "object"}},
        "temperature": {"type": "number"},
        "response_format": {},
        "metadata": _METADATA,
    },
    "required": ["model"],
}
_ITEM: Final[JSON] = {
    "type": "object",
    "properties": {
        "type": {"enum": ["message"]},
        "role": {"enum": ["user", "assistant", "system", "developer"]},
        "content": {"type": "string"},
    },
    "required": ["role", "content"],
}


def document(ids: dict[str, list[str]]) -> JSON:
    """Return the document.

    Args:
        ids: some existing ids for each path parameter; requests are also drawn with other ids.
    """

    def operation(path: str, body: JSON | None = None, query: JSON | None = None) -> JSON:
        parameters: list[JSON] = [
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"anyOf": [{"enum": known}, {"type": "string", "minLength": 1}]},
            }
            for name, known in ids.items()
            if f"{{{name}}}" in path
        ]
        parameters += [
            {"name": name, "in": "query", "schema": schema}
            for name, schema in (query or {}).items()
        ]
        parameters.append({"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}})
        described: JSON = {"parameters": parameters, "responses": {"default": {"description": ""}}}
        if body is not None:
            described["requestBody"] = {"content": {"application/json": {"schema": body}}}
        return described

    messages = {"type": "array", "items": _MESSAGE}
    thread: JSON = {"type": "object", "properties": {"messages": messages, "metadata": _METADATA}}
    conversation: JSON = {
        "type": "object",
        "properties": {"items": {"type": "array", "items": _ITEM}, "metadata": _METADATA},
    }
    items: JSON = {
        "type": "object",
        "properties": {"items": {"type": "array", "items": _ITEM}},
        "required": ["items"],
    }
    given: dict[str, dict[str, tuple[JSON | None, JSON]]] = {
        "/threads": {"get": (None, _PAGING), "post": (thread, {})},
        "/threads/{thread_id}": {"get": (None, {}), "post": (_MODIFY, {})},
        "/threads/{thread_id}/messages": {
            "get": (None, {**_PAGING, "run_id": {"type": "string"}}),
            "post": (_MESSAGE, {}),
        },
        "/threads/{thread_id}/messages/{message_id}": {"get": (None, {}), "post": (_MODIFY, {})},
        "/threads/{thread_id}/messages/{message_id}/files": {"get": (None, _PAGING)},
        "/conversations": {"post": (conversation, {})},
        "/conversations/{conversation_id}": {"get": (None, {}), "post": (_MODIFY, {})},
        "/conversations/{conversation_id}/items": {"get": (None, _PAGING), "post": (items, {})},
        "/conversations/{conversation_id}/items/{item_id}": {
            "get": (None, {}),
            "delete": (None, {}),
        },
        "/chat/completions": {"get": (None, {**_PAGING, "model": {"type": "string"}})},
        "/chat/completions/{completion_id}": {"get": (None, {}), "delete": (None, {})},
        "/chat/completions/{completion_id}/messages": {"get": (None, _PAGING)},
        "/assistants": {"get": (None, _PAGING), "post": (_ASSISTANT, {})},
        "/assistants/{assistant_id}": {"get": (None, {}), "post": (_MODIFY, {})},
        "/responses": {"get": (None, {**_PAGING, "conversation_id": {"type": "string"}})},
        "/responses/{response_id}": {"get": (None, {}), "delete": (None, {})},
        "/responses/{response_id}/input_items": {"get": (None, _PAGING)},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "store", "version": "1"},
        "paths": {
            path: {
                method: operation(path, body, query) for method, (body, query) in methods.items()
            }
            for path, methods in given.items()
        },
    }
