"""Parts that the tools' input and output schemas share. They are short, because tokens cost money.

Input schemas use only keywords that every known host and model API accepts. Gemini's API refuses a
whole request if a schema contains a list of types or a keyword that it does not know, such as
`additionalProperties`. Its Python client fails if `additionalProperties` is false. OpenAI's strict
mode requires that objects list their properties. It refuses `default`, `minLength` and `maxLength`.
Several hosts remove `minimum` and `maximum`, so descriptions repeat these bounds. The module
`arguments` enforces the rules that the published schemas omit.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from backscroll_tools.models import JSON

LIMIT_DEFAULT: Final = 20
LIMIT_MAX: Final = 500
"""The maximum number of items on one page of a list tool; the default is 20."""

HITS_DEFAULT: Final = 10
HITS_MAX: Final = 50
"""The maximum number of hits on one page of `search-messages`; the default is 10."""

LAST_CHARS_MAX: Final = 30_000
"""The maximum value of `last_chars` of `get-message`, in characters."""

CONTEXT_MAX: Final = 5
"""The maximum number of messages that are shown on each side of a hit."""

PREVIEW_MAX: Final = 2000
"""The maximum value of `preview_chars`, in characters per message."""

CONTENT_CHARS: Final = 256_000
"""The maximum length of a message's text, in characters (OpenAI API, 2024-04-15, create message).
"""

MESSAGES_MAX: Final = 20
"""The maximum number of messages that a thread or conversation can be created with (OpenAI API,
create conversation)."""

METADATA_PAIRS: Final = 16
METADATA_KEY_CHARS: Final = 64
METADATA_VALUE_CHARS: Final = 512
"""The limits of metadata (OpenAI API): the number of pairs, and the lengths of a key and a value in
characters."""

STRING: Final[JSON] = {"type": "string"}
INTEGER: Final[JSON] = {"type": "integer"}
BOOLEAN: Final[JSON] = {"type": "boolean"}
CURSOR: Final[JSON] = {"type": "string", "description": "page.next_cursor, to continue"}
AROUND: Final[JSON] = {"type": "string", "description": "Message id"}
ITEMS: Final[JSON] = {"type": "boolean", "description": "Show tool calls"}
PREVIEW: Final[JSON] = {
    "type": "integer",
    "minimum": 1,
    "maximum": PREVIEW_MAX,
    "description": f"First characters of each message: 1 to {PREVIEW_MAX}",
}

LAST_CHARS: Final[JSON] = {
    "type": "integer",
    "description": f"Only the end: 1 to {LAST_CHARS_MAX}",
}


def limit_of(arguments: JSON, default: int = LIMIT_DEFAULT) -> int:
    """Return the maximum number of items that a call asks for, or `default`."""
    limit: int = arguments.get("limit", default)
    return limit


def limit(most: int, default: int) -> JSON:
    """Return the schema of a `limit` argument from 1 to `most`."""
    return {
        "type": "integer",
        "minimum": 1,
        "maximum": most,
        "description": f"1 to {most}; default {default}",
    }


LIMIT: Final = limit(LIMIT_MAX, LIMIT_DEFAULT)
"""The schema of a list tool's `limit`."""


ORDER: Final[JSON] = {"type": "string", "enum": ["asc", "desc"]}
"""The schema of `order` if the tool's description states the default order."""


def order(default: str) -> JSON:
    """Return the schema of an `order` argument whose default is `asc` or `desc`."""
    return {**ORDER, "description": f"Default {default}"}


def arguments(properties: Mapping[str, JSON], required: Sequence[str] = ()) -> JSON:
    """Return an input schema: an object with these properties.

    The schema does not forbid other properties. The module `arguments` refuses them.
    """
    schema: JSON = {"type": "object", "properties": dict(properties)}
    if required:
        schema["required"] = list(required)
    return schema


def metadata(about: str) -> JSON:
    """Return the schema of metadata as a list of key-value pairs.

    Hosts with strict schemas refuse an object whose keys are not listed. But calls may also pass
    metadata as an object (`arguments.validated`).
    """
    pair = arguments({"key": STRING, "value": STRING}, ("key", "value"))
    return {"type": "array", "items": pair, "description": about}


METADATA: Final = metadata(
    f"At most {METADATA_PAIRS}; key up to {METADATA_KEY_CHARS} characters, value "
    f"{METADATA_VALUE_CHARS}"
)


def result(properties: Mapping[str, JSON], required: Sequence[str]) -> JSON:
    """Return an output schema: an object with at least these properties."""
    return {"type": "object", "properties": dict(properties), "required": list(required)}


def listed(key: str, item: JSON, page: JSON | None = None) -> JSON:
    """Return the output schema of a list tool.

    Args:
        key: the name of the property that contains the items.
        item: the schema of one item.
        page: the schema of `page`; `PAGE` by default.
    """
    return result({"page": page or PAGE, key: {"type": "array", "items": item}}, ("page", key))


PAGE: Final = result(
    {
        "returned": INTEGER,
        "has_more": BOOLEAN,
        "next_cursor": {"type": ["string", "null"]},
        "stopped_by": STRING,
        "order": STRING,
    },
    ("returned", "has_more", "next_cursor", "stopped_by", "order"),
)

PAGE_AROUND: Final = {
    **PAGE,
    "properties": {**PAGE["properties"], "previous_cursor": STRING},
}
"""The schema of `page` for a tool with the argument `around`."""

_OBJECTS: Final[JSON] = {"type": "array", "items": {"type": "object"}}
_STRINGS: Final[JSON] = {"type": "array", "items": STRING}
_OBJECT: Final[JSON] = {"type": "object"}
_CLIPPED: Final = result({"shown": INTEGER, "total": INTEGER, "start": INTEGER}, ("shown", "total"))

MESSAGE: Final = result(
    {
        "id": STRING,
        "role": STRING,
        "created_at": INTEGER,
        "text": STRING,
        "content": _OBJECTS,
        "files": _STRINGS,
        "attachments": _OBJECTS,
        "annotations": _OBJECTS,
        "tool_calls": _OBJECTS,
        "run_id": STRING,
        "assistant_id": STRING,
        "status": STRING,
        "metadata": _OBJECT,
        "other": _OBJECT,
        "clipped": _CLIPPED,
        "omitted": STRING,
        "fields_json": STRING,
    },
    ("id", "role", "text"),
)
FILE: Final = result(
    {"id": STRING, "created_at": INTEGER, "message_id": STRING}, ("id", "message_id")
)
THREAD: Final = result(
    {
        "id": STRING,
        "title": STRING,
        "created_at": INTEGER,
        "message_count": INTEGER,
        "last_message_at": INTEGER,
        "text": STRING,
        "metadata": _OBJECT,
    },
    ("id",),
)
COMPLETION: Final = result(
    {
        "id": STRING,
        "created_at": INTEGER,
        "model": STRING,
        "text": STRING,
        "metadata": _OBJECT,
        "clipped": _CLIPPED,
        "omitted": STRING,
    },
    ("id",),
)
RESPONSE: Final = result(
    {
        "id": STRING,
        "created_at": INTEGER,
        "model": STRING,
        "status": STRING,
        "previous_response_id": STRING,
        "conversation_id": STRING,
        "text": STRING,
        "metadata": _OBJECT,
        "clipped": _CLIPPED,
        "omitted": STRING,
        "other": _OBJECT,
    },
    ("id",),
)
API_OBJECT: Final = result(
    {
        "id": STRING,
        "created_at": INTEGER,
        "title": STRING,
        "status": STRING,
        "fields": _OBJECT,
        "text": STRING,
        "clipped": _CLIPPED,
        "omitted": STRING,
    },
    ("id",),
)
FILE_CONTENT: Final = result(
    {"id": STRING, "text": STRING, "clipped": _CLIPPED, "omitted": STRING}, ("id", "text")
)
PASSAGE: Final = result(
    {
        "id": STRING,
        "filename": STRING,
        "score": {"type": "number"},
        "attributes": _OBJECT,
        "text": STRING,
        "clipped": _CLIPPED,
        "fields_json": STRING,
    },
    ("id", "text"),
)
RUN: Final = result(
    {"id": STRING, "thread_id": STRING, "status": STRING, "assistant_id": STRING}, ("id",)
)
