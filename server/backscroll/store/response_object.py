"""Responses in replies, with the fields that OpenAI's API requires.

Source: `Response` in OpenAI's OpenAPI document of 2026-08-21.
"""

from collections.abc import Sequence
from typing import Final

from backscroll.store.envelopes import JSON

_NULLABLE: Final = dict.fromkeys(
    ("error", "incomplete_details", "instructions", "previous_response_id")
)
"""Fields that are null if a response was imported without them."""
_NEVER_NULL: Final[JSON] = {
    "model": "",
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
}
"""The values of fields that must not be null, for responses that were imported without them."""


def response_object(row: JSON, output: Sequence[JSON]) -> JSON:
    """Return the API's object for a response, given its row and the objects of its output."""
    fields = row["fields"]
    missing = {name: value for name, value in _NEVER_NULL.items() if fields.get(name) is None}
    return {
        "id": row["id"],
        "object": "response",
        "created_at": row["created_at"],
        **_NULLABLE,
        **fields,
        **missing,
        "output": output,
        "metadata": row["metadata"] or {},
    }
