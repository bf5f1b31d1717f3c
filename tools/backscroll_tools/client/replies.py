"""Decodes an upstream's replies: single objects, and lists in their envelopes.

Only two fields are required: the id of a created object, and the items of a list. Other fields may
be missing, null or unknown.
"""

import re
from contextlib import suppress
from itertools import pairwise
from typing import Final, TypeGuard, cast

from msgspec import Struct
from pydantic_core import from_json

from backscroll_tools import strict_json
from backscroll_tools.client.dialects import ARRAY, TOKEN_CHARS, Place
from backscroll_tools.client.failures import unreadable
from backscroll_tools.client.requests import ID, NAME, Request
from backscroll_tools.models import JSON, Order

UNNAMED: Final = "items without a usable id were left out"
UNFILTERED: Final = "completions were left out, because the upstream sent no metadata for them"
CONTRARY: Final = "items are in reverse order"
MOVED: Final = "the list changed between two pages, so items may be missing or repeated"


class Reply(Struct, frozen=True):
    """One page of an upstream's list, with the fields of its envelope.

    Attributes:
        items: the items that have a valid id.
        has_more: whether more items follow; None if only another request can show this.
        next_after: the key that the next page starts after, if the envelope names it; otherwise
            empty, and the next page starts after the last item.
        warning: a description of the reply's flaws; empty if it has none.
        keys: the items' keys in the list; empty if these are their ids.
        is_dead_end: whether more items follow, but no request can reach them, because the reply
            does not name the next page.
    """

    items: tuple[JSON, ...]
    has_more: bool | None
    next_after: str = ""
    warning: str = ""
    keys: tuple[str, ...] = ()
    is_dead_end: bool = False


def decode(body: bytes, *, in_process: bool = False, is_array: bool = False) -> JSON:
    """Return a reply's JSON object.

    Args:
        body: the reply's body.
        in_process: whether the embedded store sent the body. The store writes it from values that
            it has checked, so a faster parser reads it.
        is_array: whether the body may be an array, which is then returned as the member `ARRAY`
            of an object.

    Raises:
        ToolError: `upstream_invalid` if the body is not a JSON object.
    """
    try:
        value: object = (
            from_json(body, allow_inf_nan=False) if in_process else strict_json.loads(body)
        )
    except ValueError:  # `JSONFlawError` is one too
        value = None
    if is_array and isinstance(value, list):
        return {ARRAY: cast("list[object]", value)}
    if not isinstance(value, dict):
        raise unreadable("The upstream's reply is not a JSON object.")
    return cast("JSON", value)


def content(body: bytes, kind: str) -> JSON:
    """Return an object whose field `text` is a file's content.

    If the content is binary, `text` is empty, and `omitted` contains the content's type and size.

    Args:
        body: the content.
        kind: the type of the content, as the header `Content-Type` names it.
    """
    encoding = "utf-16" if body.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    with suppress(UnicodeDecodeError):
        text = body.decode(encoding)
        if "\x00" not in text:
            return {"text": text}
    media, _, _ = kind.partition(";")
    shown = media if _MEDIA.fullmatch(media) else "application/octet-stream"
    return {"text": "", "omitted": f"{shown}, {len(body)} bytes"}


_MEDIA: Final = re.compile(r"[\w.+-]{1,80}/[\w.+-]{1,80}", re.ASCII)


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
        ToolError: `upstream_invalid` if the reply has no list of items.
    """
    dialect = request.dialect
    rows = dialect.rows_of(reply)
    if rows is None:
        field = f"has no `{dialect.rows}` array" if dialect.rows else "is not an array"
        raise unreadable(f"The upstream's list reply {field}.")
    form = NAME if dialect.has_places else ID
    found = [_named(row, dialect.id_in, form) for row in rows]
    items = tuple([row for row in found if row is not None])
    warnings = [UNNAMED] if len(items) < len(rows) else []
    if not trusted and dialect.orders and _is_reversed(items, request.order):
        warnings.append(CONTRARY)
    if dialect.has_places:
        return _in_places(reply, request, found, warnings, trusted=trusted)
    has_more: bool | None = reply.get("has_more") is True
    if not has_more and len(rows) == request.limit and not (trusted and "has_more" in reply):
        has_more = None
    last_id = reply.get(dialect.next_in) if dialect.next_in else None
    return Reply(items, has_more, last_id if _is_id(last_id) else "", "; ".join(warnings))


def _in_places(
    reply: JSON,
    request: Request,
    rows: list[JSON | None],
    warnings: list[str],
    *,
    trusted: bool,
) -> Reply:
    """Return the page of a list whose keys are in the format of `dialects.Place`.

    Args:
        reply: the reply's object.
        request: the request for the list.
        rows: the rows of the reply; None for each row without a usable id.
        warnings: the warnings so far.
        trusted: as in `listed`.
    """
    dialect, place = request.dialect, Place.of(request.window.after if request.window else "")
    is_numbered = dialect.next_is == "number"
    before = place.passed % request.limit if is_numbered else place.passed
    start = place.passed - before if is_numbered else 0
    skipped = min(before, len(rows))
    ids = [row["id"] if row is not None else "" for row in rows]
    if place.item_id and place.item_id in ids:
        skipped = ids.index(place.item_id) + 1
        before = skipped
    elif 0 < before <= len(rows) and place.item_id:
        skipped = before - 1  # `place.item_id` was deleted, so later items moved up
        warnings.append(MOVED)
    kept = [(at, row) for at, row in enumerate(rows) if at >= skipped and row is not None]
    keys = [Place(place.token, start + at + 1, row["id"]).key for at, row in kept]
    token = reply.get(dialect.next_in) if dialect.next_in else None
    next_after, is_dead_end = "", False
    if is_numbered:
        has_more: bool | None = None if len(rows) == request.limit else False
        next_after = Place("", start + len(rows), ids[-1] if ids else "").key
    elif isinstance(token, str) and 0 < len(token) <= TOKEN_CHARS:
        has_more = not (trusted and reply.get("has_more") is False)
        rest = max(0, before - len(rows))
        next_after = Place(token, rest, place.item_id if rest else "").key
        is_dead_end = has_more and token == place.token
    else:
        is_dead_end = has_more = bool(token) or reply.get("has_more") is True
    items = tuple([row for _, row in kept])
    return Reply(items, has_more, next_after, "; ".join(warnings), tuple(keys), is_dead_end)


def _named(row: object, id_in: str, form: re.Pattern[str]) -> JSON | None:
    """Return a row with its id in the field `id`; None if it has no usable id.

    Args:
        row: the row of a list.
        id_in: the field that identifies a row. Its value may be an integer.
        form: the format that an id must have: `NAME` if the list's keys are in the format of
            `dialects.Place`, because its ids are then not put into URLs; otherwise `ID`.
    """
    if not isinstance(row, dict):
        return None
    item = cast("JSON", row)
    if id_in != "id":
        value = item.get(id_in)
        item = {**item, "id": str(value) if isinstance(value, int) else value}
    return item if _is_id(item.get("id"), form) else None


_NO_ID: Final = "none"
"""The `last_id` that Astra sends with an empty page. OGX sends `""`, and Azure sends null."""


def _is_id(value: object, form: re.Pattern[str] = ID) -> TypeGuard[str]:
    return isinstance(value, str) and value != _NO_ID and form.fullmatch(value) is not None


def _is_reversed(items: tuple[JSON, ...], order: Order) -> bool:
    """Whether the times of the items show that they are in the opposite order to `order`."""
    times = [time for item in items if isinstance(time := item.get("created_at"), int | float)]
    steps = [later > earlier for earlier, later in pairwise(times) if later != earlier]
    return bool(steps) and all(step is (order == "desc") for step in steps)
