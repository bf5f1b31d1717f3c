"""Replaces an item that is too large to be read, so that the rest of its list can be read."""

import json
import re
from typing import Final, cast

from backscroll_tools.client.abridging import OMITTED
from backscroll_tools.client.failures import ExchangeError
from backscroll_tools.client.requests import ID
from backscroll_tools.models import JSON

_FIRST: Final = re.compile(r'"data"\s*:\s*\[\s*\{')
_NAME: Final = re.compile(r'\s*,?\s*"(\w+)"\s*:\s*')
_LAST_ID: Final = re.compile(r'"last_id"\s*:\s*"([^"]+)"')
_SCALARS: Final = (str, int, float)
_decoder: Final = json.JSONDecoder()


def stand_in(error: ExchangeError, reply_bytes: float) -> JSON | None:
    """Return a small object to show in place of an item that is too large to be read.

    Args:
        error: the error for a list request whose reply contained only the item. The error contains
            the beginning and the end of the reply's body.
        reply_bytes: the limit that the reply exceeded, in bytes.

    Returns:
        An object with the item's id, the fields before its content, and `omitted`, which describes
        the missing content; None if the id is not found.
    """
    item = _first_fields(error.head.decode(errors="replace"))
    found = _LAST_ID.search(error.tail.decode(errors="replace"))
    item_id = item.get("id") or (found[1] if found else "")
    if not isinstance(item_id, str) or ID.fullmatch(item_id) is None:
        return None
    return {**item, "id": item_id, OMITTED: why_omitted(error, reply_bytes)}


def why_omitted(error: ExchangeError, reply_bytes: float) -> str:
    """Return the text of `omitted` for content that is too large.

    Args:
        error: the error for the reply.
        reply_bytes: the limit that the reply exceeded, in bytes.
    """
    size = f"about {error.size} bytes, " if error.size else ""
    return f"the content ({size}more than BACKSCROLL_REPLY_BYTES, {reply_bytes:.0f})"


def _first_fields(head: str) -> JSON:
    """Return the leading fields of a list's first item that are strings, numbers or booleans.

    Args:
        head: the first characters of the reply.
    """
    fields: JSON = {}
    found = _FIRST.search(head)
    at = found.end() if found else len(head)
    while (name := _NAME.match(head, at)) is not None:
        try:
            value, at = cast("tuple[object, int]", _decoder.raw_decode(head, name.end()))
        except (ValueError, RecursionError):
            break
        if isinstance(value, _SCALARS):
            fields[name[1]] = value
    return fields
