"""Determines where a call starts to read a list, from the call's cursor or other arguments."""

import json
import re
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from backscroll_tools.client.requests import ID
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.models import JSON, Order
from backscroll_tools.pages.cursor import (
    FILTER_CHARS,
    FILTERS_ENCODED,
    ListPosition,
    decode,
    encoded_filters,
)

_NOT_WITH_AROUND: Final = ("after", "before", "order", "cursor")


def start_position(  # noqa: PLR0913 - arguments about the list, the call and its cursor
    tool: str,
    owner: str,
    arguments: JSON,
    default_order: Order,
    filters: tuple[str, ...] = (),
    *,
    filter_chars: int = FILTER_CHARS,
    key: re.Pattern[str] = ID,
) -> ListPosition:
    """Return the position at which a call starts to read, from its cursor or other arguments.

    Args:
        tool: the tool's name.
        owner: the id of the object that the list belongs to; empty if it belongs to no object.
        arguments: the call's validated arguments.
        default_order: the order to use if the call does not name one.
        filters: the names of the arguments that filter the list. If `order` is one of them, its
            value is only kept as a filter, and the position's order is `default_order`.
        filter_chars: the maximum length of all filters together, in characters.
        key: the format of the list's keys.

    Raises:
        ToolError: `invalid_arguments` if both `after` and `before` are given, if `around` is given
            with `after`, `before`, `order` or `cursor`, if an argument conflicts with the cursor,
            if the cursor is invalid, or if the filters are too long.
    """
    given = tuple((name, _flat(arguments[name])) for name in filters if arguments.get(name))
    names = " and ".join(name for name, _ in given)
    if sum(len(value) for _, value in given) > filter_chars:
        raise invalid_arguments(
            f"{names} may have at most {filter_chars} characters.",
            "Use shorter filters.",
        )
    if len(encoded_filters(given)) > FILTERS_ENCODED:  # a character may be encoded as several bytes
        raise invalid_arguments(
            f"{names} may have at most {filter_chars} characters, and fewer if they are not ASCII.",
            "Use shorter filters.",
        )
    after, before = arguments.get("after", ""), arguments.get("before", "")
    around = arguments.get("around", "")
    if around and (others := [name for name in _NOT_WITH_AROUND if name in arguments]):
        raise invalid_arguments(
            f"around cannot be used with {' and '.join(others)}: its page is always oldest first.",
            f"Call again without {' and '.join(others)}.",
        )
    if "cursor" in arguments:
        start = decode(arguments["cursor"], tool, owner, key)
        off = [name for name in filters if arguments.get(name) is False]
        return _continued(start, arguments, given, off, ordered="order" not in filters)
    if after and before:
        raise invalid_arguments(
            "after and before cannot be used together.",
            "Use after for the items after an id, or before for the items before it.",
        )
    order = default_order if "order" in filters else arguments.get("order", default_order)
    return ListPosition(
        tool=tool,
        owner=owner,
        order="asc" if around else order,
        backward=bool(before),
        position=after or before or around,
        preview=arguments.get("preview_chars", 0),
        filters=given,
    )


def _continued(
    start: ListPosition,
    arguments: JSON,
    given: tuple[tuple[str, str], ...],
    off: Sequence[str],
    *,
    ordered: bool,
) -> ListPosition:
    """Return the position of a call's cursor.

    If the call has the argument `preview_chars`, it replaces the `preview` of the cursor.

    Args:
        start: the cursor's position.
        arguments: the call's validated arguments.
        given: the call's filters.
        off: the names of the filters that the call sets to false, which is their default.
        ordered: whether the argument `order` sets the position's order, and is not a filter.

    Raises:
        ToolError: `invalid_arguments` if the cursor conflicts with another argument.
    """
    wrong: list[str] = [name for name in ("after", "before") if name in arguments]
    filters = dict(start.filters)
    wrong += [name for name, value in given if filters.get(name) != value]
    wrong += [name for name in off if name in filters]
    if ordered and arguments.get("order", start.order) != start.order:
        wrong.append("order")
    if wrong:
        raise conflict(wrong)
    return replace(start, preview=arguments.get("preview_chars", start.preview))


def conflict(names: Sequence[str]) -> ToolError:
    """Return the error for arguments that conflict with the cursor."""
    return invalid_arguments(
        f"cursor conflicts with {' and '.join(names)}.",
        f"Call again with cursor and without {' and '.join(names)}.",
    )


def _flat(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
