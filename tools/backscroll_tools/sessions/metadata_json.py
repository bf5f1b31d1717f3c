"""JSON in the metadata of a conversation, whose values have at most 512 characters each."""

import json
from collections.abc import Mapping
from typing import Final, cast

from backscroll_tools.client.objects import SESSION_JSON
from backscroll_tools.errors import invalid_arguments
from backscroll_tools.models import JSON
from backscroll_tools.render import compact
from backscroll_tools.schemas import METADATA_VALUE_CHARS

_PAIRS: Final = 11
"""The maximum number of pairs. Metadata has 16; the others are for labels and a title."""

_CHARS: Final = _PAIRS * METADATA_VALUE_CHARS
"""The maximum length of the JSON, in characters."""


def spread(value: JSON) -> dict[str, str]:
    """Return metadata that contains a JSON object.

    Raises:
        ToolError: `invalid_arguments` if the object has more than 5,632 characters as JSON.
    """
    text = compact(value)
    if len(text) > _CHARS:
        raise invalid_arguments(
            f"The metadata of a thread has {len(text):,} characters as JSON; the maximum is "
            f"{_CHARS:,}.",
            "Keep large values elsewhere, and their keys in the metadata.",
        )
    starts = range(0, len(text), METADATA_VALUE_CHARS)
    parts = (text[start : start + METADATA_VALUE_CHARS] for start in starts)
    return {f"{SESSION_JSON}{number}": part for number, part in enumerate(parts)}


def gathered(metadata: Mapping[str, str]) -> JSON | None:
    """Return the JSON object that metadata contains; None if somebody has changed it."""
    parts = [metadata.get(f"{SESSION_JSON}{number}", "") for number in range(_PAIRS)]
    try:
        found = json.loads("".join(parts))
    except ValueError:
        return None
    return cast("JSON", found) if isinstance(found, dict) else None
