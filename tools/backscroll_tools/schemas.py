"""Parts of input and output schemas. They are short, because each token costs money.

Input schemas use only keywords that every known host and model API accepts. Gemini's API refuses a
whole request because of a list of types or an unknown keyword, among them `additionalProperties`;
its Python client fails if that is false. OpenAI's strict mode requires that an object names its
properties, and refuses `default` and the lengths of strings. Several hosts remove `minimum` and
`maximum`, so descriptions repeat them. `arguments` enforces the rules that the published schemas
omit.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from backscroll_tools.models import JSON

LIMIT_DEFAULT: Final = 20
LIMIT_MAX: Final = 500
"""The maximum number of items on one page of a list tool; the default is 20."""

PREVIEW_MAX: Final = 2000
"""The maximum value of `preview_chars`, in characters per message."""

CONTENT_CHARS: Final = 256_000
"""The maximum length of a message's text, in characters (OpenAI API, 2024-04-15, create message).
"""

METADATA_PAIRS: Final = 16
METADATA_KEY_CHARS: Final = 64
METADATA_VALUE_CHARS: Final = 512
"""The bounds of metadata: pairs, characters of a key, characters of a value (OpenAI API)."""

STRING: Final[JSON] = {"type": "string"}
INTEGER: Final[JSON] = {"type": "integer"}
BOOLEAN: Final[JSON] = {"type": "boolean"}
LIMIT: Final[JSON] = {
    "type": "integer",
    "minimum": 1,
    "maximum": LIMIT_MAX,
    "description": f"1 to {LIMIT_MAX}; default {LIMIT_DEFAULT}",
}
CURSOR: Final[JSON] = {"type": "string", "description": "page.next_cursor, to continue"}
AROUND: Final[JSON] = {"type": "string", "description": "Message id"}
PREVIEW: Final[JSON] = {
    "type": "integer",
    "minimum": 1,
    "maximum": PREVIEW_MAX,
    "description": f"Only the first characters of each message: 1 to {PREVIEW_MAX}",
}


def limit_of(arguments: JSON) -> int:
    """Return the limit of a call in items: 1 to 500, 20 by default."""
    limit: int = arguments.get("limit", LIMIT_DEFAULT)
    return limit


def order(default: str) -> JSON:
    """Return the schema of an `order` argument with this default."""
    return {"type": "string", "enum": ["asc", "desc"], "description": f"Default {default}"}


def arguments(properties: Mapping[str, JSON], required: Sequence[str] = ()) -> JSON:
    """Return an input schema: an object with these properties.

    The schema does not forbid other properties, because `arguments` refuses them.
    """
    schema: JSON = {"type": "object", "properties": dict(properties)}
    if required:
        schema["required"] = list(required)
    return schema


def metadata(about: str) -> JSON:
    """Return the schema of metadata: pairs, because strict hosts refuse an object of any keys.

    Calls may also pass an object (`arguments.validated`).
    """
    pair = arguments({"key": STRING, "value": STRING}, ("key", "value"))
    return {"type": "array", "items": pair, "description": about}


def result(properties: Mapping[str, JSON], required: Sequence[str]) -> JSON:
    """Return an output schema: an object with at least these properties."""
    return {"type": "object", "properties": dict(properties), "required": list(required)}


def listed(key: str, item: JSON, page: JSON | None = None) -> JSON:
    """Return the output schema of a list tool: a page, `PAGE` by default, and items under `key`."""
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
"""The page of a tool that takes `around`."""

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
