"""Replies of an upstream: bytes to JSON, and list envelopes.

Lenient: a field that is missing, null or unknown never fails a reply.
"""

from dataclasses import dataclass
from typing import Final, cast

from pydantic_core import from_json

from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON


@dataclass(frozen=True, slots=True)
class Reply:
    """A list envelope.

    Attributes:
        items: those that have an id.
        has_more: whether more follow; None where the envelope cannot be believed, and only a
            further request can tell.
        last_id: the id to go on after, where the envelope names one.
    """

    items: tuple[JSON, ...]
    has_more: bool | None
    last_id: str = ""


def decode(body: bytes) -> JSON:
    """Return a reply's JSON object.

    Raises:
        ToolError: `upstream_invalid` where it is not a JSON object.
    """
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ToolError(
            "upstream_invalid",
            "The upstream's reply is not a JSON object.",
            next_step="Check that BACKSCROLL_BASE_URL is an OpenAI-shaped API.",
        )
    return cast("JSON", value)


def listed(reply: JSON, limit: int, *, trusted: bool) -> Reply:
    """Return a list reply's envelope.

    Args:
        reply: the envelope.
        limit: how many items were asked for.
        trusted: whether this kind of upstream says `has_more: false` at the end only. Where it
            is not, or the field is absent, a page of exactly `limit` items leaves it open; a
            shorter page is the last, and a longer one is the whole list.

    Raises:
        ToolError: `upstream_invalid` where there is no list in it.
    """
    data = reply.get("data")
    if not isinstance(data, list):
        raise ToolError("upstream_invalid", "The upstream's list reply has no `data` array.")
    rows = cast("list[object]", data)
    items = tuple(cast("JSON", row) for row in rows if isinstance(row, dict))
    has_more: bool | None = reply.get("has_more") is True
    if not has_more and len(rows) == limit and not (trusted and "has_more" in reply):
        has_more = None
    last_id = reply.get("last_id")
    return Reply(
        tuple(item for item in items if isinstance(item.get("id"), str)),
        has_more,
        last_id if isinstance(last_id, str) and last_id not in _NO_ID else "",
    )


_NO_ID: Final = frozenset({"", "none"})
"""What stands for no id on an empty page: `""` in OGX, `"none"` in Astra."""
