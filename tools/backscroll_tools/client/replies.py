"""Decodes an upstream's replies: single objects, and lists in their envelopes.

Only two fields are required: the id of a created object, and the `data` of a list. Other fields may
be missing, null or unknown.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeGuard, cast

from backscroll_tools import strict_json
from backscroll_tools.client.failures import unreadable
from backscroll_tools.client.requests import ID, Request
from backscroll_tools.models import JSON, Order
from backscroll_tools.strict_json import JSONFlawError

UNNAMED: Final = "items without a usable id were left out"
UNFILTERED: Final = "completions were left out, because the upstream sent no metadata for them"
CONTRARY: Final = "items are in reverse order"


@dataclass(frozen=True, slots=True)
class Reply:
    """One page of an upstream's list, with the fields of its envelope.

    Attributes:
        items: the items that have a valid id.
        has_more: whether more items follow; None if only another request can show this.
        last_id: the envelope's `last_id`, after which the next page starts; empty if it has none.
        warning: a description of the reply's flaws; empty if it has none.
    """

    items: tuple[JSON, ...]
    has_more: bool | None
    last_id: str = ""
    warning: str = ""


def decode(body: bytes, *, in_process: bool = False) -> JSON:
    """Return a reply's JSON object.

    Args:
        body: the reply's body.
        in_process: whether the embedded store sent the body. The store sends no duplicate keys.

    Raises:
        ToolError: `upstream_invalid` if the body is not a JSON object.
    """
    try:
        value = strict_json.loads(body, has_distinct_keys=in_process)
    except JSONFlawError:
        value = None
    if not isinstance(value, dict):
        raise unreadable("The upstream's reply is not a JSON object.")
    return cast("JSON", value)


def created(reply: JSON) -> JSON:
    """Return the created object from the reply to a write.

    It is the reply itself or, if the reply is a list, the first object of the list.

    Raises:
        ToolError: `upstream_invalid` if the object has no valid id.
    """
    match reply:
        case {"object": "list", "data": [dict() as first, *_]}:
            found = cast("JSON", first)
        case _:
            found = reply
    if not _is_id(found.get("id")):
        raise unreadable("The upstream accepted the write but returned no id.")
    return found


def listed(reply: JSON, request: Request, *, trusted: bool) -> Reply:
    """Return the page that a reply to a list request contains.

    Args:
        reply: the reply's object.
        request: the request for the list.
        trusted: whether `has_more: false` from this upstream reliably means the end of the list. If
            this is False, or if the reply lacks `has_more`, more items may follow a page of exactly
            `limit` items. A shorter page is the last page, and a longer page is the whole list.

    Raises:
        ToolError: `upstream_invalid` if the reply has no `data` list.
    """
    data = reply.get("data")
    if not isinstance(data, list):
        raise unreadable("The upstream's list reply has no `data` array.")
    rows = cast("list[object]", data)
    items = tuple([row for row in rows if isinstance(row, dict) and _is_id(row.get("id"))])
    warnings = [UNNAMED] if len(items) < len(rows) else []
    if not trusted and _is_reversed(items, request.order):
        warnings.append(CONTRARY)
    has_more: bool | None = reply.get("has_more") is True
    if not has_more and len(rows) == request.limit and not (trusted and "has_more" in reply):
        has_more = None
    last_id = reply.get("last_id")
    return Reply(items, has_more, last_id if _is_id(last_id) else "", "; ".join(warnings))


_NO_ID: Final = "none"
"""The `last_id` that Astra sends with an empty page. OGX sends `""`, and Azure sends null."""


def _is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value != _NO_ID and ID.fullmatch(value) is not None


def _is_reversed(items: tuple[JSON, ...], order: Order) -> bool:
    """Whether the times of the items show that they are in the opposite order to `order`."""
    times = [time for item in items if isinstance(time := item.get("created_at"), int | float)]
    steps = [later > earlier for earlier, later in pairwise(times) if later != earlier]
    return bool(steps) and all(step is (order == "desc") for step in steps)
