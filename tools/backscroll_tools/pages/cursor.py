"""Cursors: a position in a list, as one opaque, versioned string with a checksum.

A cursor is `version+flags~position~inside~preview~filters~check`. The plain text costs few tokens,
and the checksum detects a damaged cursor. A cursor is not a secret and grants no access, because
the upstream authorises every request.
"""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, cast

from backscroll_tools.client.requests import ID
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.models import JSON, Order

VERSION: Final = "1"
"""The version of the format; cursors of other versions are refused."""

CHARS: Final = 4096
"""The maximum length of a cursor, in characters; `arguments` refuses longer ones."""

FILTER_CHARS: Final = 400
"""The maximum length of all filters together, in characters, because each cursor contains them."""

_FILTERS_ENCODED: Final = 1748
"""The maximum length of the encoded filters, in characters. A key takes up to `KEY_CHARS` of the
others, and the rest of the cursor fewer than 44."""

KEY_CHARS: Final = CHARS - _FILTERS_ENCODED - 44
KEY: Final = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.=-]{{0,{KEY_CHARS - 1}}}")
"""The format of a list's key that is not an id, and its maximum length in characters."""

_NOT_WITH_AROUND: Final = ("after", "before", "order", "cursor")

_SHAPE: Final = re.compile(
    r"(?P<version>[0-9]+)(?P<code>[a-z]+)\.(?P<order>[ad])(?P<way>[fbFB])"
    r"~(?P<position>[A-Za-z0-9_.=-]*)~(?P<inside>(?:[if][0-9]{1,12})?)~(?P<preview>[0-9]{0,4})"
    r"~(?P<filters>[A-Za-z0-9_.=-]*)~(?P<owner>[A-Za-z0-9_-]{4})(?P<check>[A-Za-z0-9_-]{6})"
)

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+(?: [A-Za-z0-9_-]+)*")
"""The format of filters that are readable in a cursor, which costs a third of the tokens."""


@dataclass(frozen=True, slots=True)
class Inside:
    """The offset at which the next page continues inside an item that is longer than a page.

    Attributes:
        offset: the number of characters shown so far; above 0 in a cursor.
        with_fields: whether the item's other fields are also split, as JSON after the text,
            because they are long too. If not, they are on the first page.
    """

    offset: int
    with_fields: bool = False


@dataclass(frozen=True, slots=True)
class ListPosition:
    """A position in a list, with the order and the filters of the list.

    Attributes:
        tool: the tool's name.
        owner: the id that the list belongs to; empty if there is none.
        order: the order of the items on a page.
        backward: whether the list is read in the opposite order, because of `before`.
        position: the key of the last item shown, in most lists its id; empty at the start.
        inside: the offset in that item, if it was shown in part.
        preview: the maximum number of characters shown per message (`preview_chars`); 0 for whole
            messages.
        filters: the names and values of the arguments that filter the list.
        ignores_after: whether the upstream ignores `after`, so that the page is found in the first
            100 items of the list.
        continued: whether a cursor named the position; not part of the cursor itself.
    """

    tool: str
    owner: str
    order: Order
    backward: bool = False
    position: str = ""
    inside: Inside | None = None
    preview: int = 0
    filters: tuple[tuple[str, str], ...] = ()
    ignores_after: bool = False
    continued: bool = field(default=False, compare=False)

    @property
    def walk_order(self) -> Order:
        """The order to request from the upstream."""
        if self.backward:
            return "asc" if self.order == "desc" else "desc"
        return self.order


def encode(start: ListPosition) -> str:
    """Return the cursor of a position, for `decode`.

    Args:
        start: a position from `start_position` or `decode`, or a later one in the same list.
            `position` is a key or empty, `inside.offset` has at most 12 digits, `preview` has at
            most 4 digits, and the filters are within the limits that `start_position` checks.
    """
    inside = ""
    if start.inside is not None:
        inside = f"{'f' if start.inside.with_fields else 'i'}{start.inside.offset}"
    way = "b" if start.backward else "f"
    way = way.upper() if start.ignores_after else way
    body = (
        f"{VERSION}{_code(start.tool)}.{start.order[0]}{way}"
        f"~{start.position}~{inside}~{start.preview or ''}~{_encoded(start.filters)}~"
    )
    return f"{body}{_digest(start.owner, 3)}{_digest(body + start.owner, 4)[:6]}"


def decode(cursor: str, tool: str, owner: str, key: re.Pattern[str] = ID) -> ListPosition:
    """Return the position of a cursor.

    Args:
        cursor: the cursor, as `encode` returned it.
        tool: the name of the tool that it is given to.
        owner: the id that it is given with; empty if there is none.
        key: the format of the list's keys.

    Raises:
        ToolError: `invalid_arguments` if the cursor is damaged, or belongs to another version,
            another tool, or another thread, message or completion.
    """
    found = _SHAPE.fullmatch(cursor)
    if found is None:
        raise _refused("cursor is damaged")
    if found["version"] != VERSION:
        raise _refused("cursor was created by another version of this server")
    if found["code"] != _code(tool):
        raise _refused(f"cursor belongs to a tool other than {tool}")
    if found["owner"] != _digest(owner, 3):
        raise _refused("cursor belongs to an id other than the one given")
    body = cursor[: found.start("owner")]
    position = found["position"]
    if found["check"] != _digest(body + owner, 4)[:6] or (position and not key.fullmatch(position)):
        raise _refused("cursor is damaged")
    inside = found["inside"]
    return ListPosition(
        tool=tool,
        owner=owner,
        order="asc" if found["order"] == "a" else "desc",
        backward=found["way"] in "bB",
        position=position,
        inside=Inside(int(inside[1:]), with_fields=inside[0] == "f") if inside else None,
        preview=int(found["preview"] or 0),
        filters=_filters(found["filters"]),
        ignores_after=found["way"].isupper(),
        continued=True,
    )


def start_position(  # noqa: PLR0913 - the list, the call, and how the list is kept in cursors
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
        owner: the id that the list belongs to; empty if there is none.
        arguments: the call's validated arguments.
        default_order: the order if the call does not ask for one.
        filters: the names of the arguments that filter the list. If `order` is one of them, its
            values may be any, and the position's own order is the default.
        filter_chars: the maximum length of all filters together, in characters.
        key: the format of the list's keys.

    Raises:
        ToolError: `invalid_arguments` if both `after` and `before` are given, if `around` is given
            with another position or order, if an argument conflicts with the cursor, if the cursor
            is invalid, or if the filters are too long.
    """
    given = tuple((name, _flat(arguments[name])) for name in filters if name in arguments)
    names = " and ".join(name for name, _ in given)
    if sum(len(value) for _, value in given) > filter_chars:
        raise invalid_arguments(
            f"{names} may have at most {filter_chars} characters.",
            "Use shorter filters.",
        )
    if len(_encoded(given)) > _FILTERS_ENCODED:  # each character may take several bytes
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
        return _continued(start, arguments, given, ordered="order" not in filters)
    if after and before:
        raise invalid_arguments(
            "after and before cannot be used together.",
            "Use after for the items after an id, or before for the items before it.",
        )
    asked_order = default_order if "order" in filters else arguments.get("order", default_order)
    return ListPosition(
        tool=tool,
        owner=owner,
        order="asc" if around else asked_order,
        backward=bool(before),
        position=after or before or around,
        preview=arguments.get("preview_chars", 0),
        filters=given,
    )


def _continued(
    start: ListPosition, arguments: JSON, given: tuple[tuple[str, str], ...], *, ordered: bool
) -> ListPosition:
    """Return the position of a call's cursor, as the call continues it.

    Args:
        start: the cursor's position.
        arguments: the call's validated arguments.
        given: the call's filters.
        ordered: whether the argument `order` is the position's order.

    Raises:
        ToolError: `invalid_arguments` if the cursor conflicts with another argument.
    """
    wrong: list[str] = [name for name in ("after", "before") if name in arguments]
    wrong += [name for name, value in given if dict(start.filters).get(name) != value]
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


def _code(tool: str) -> str:
    """Return the initials of a tool's name, which no two tools share."""
    return "".join(word[0] for word in tool.split("-"))


def _digest(text: str, size: int) -> str:
    raw = hashlib.blake2s(text.encode(), digest_size=size).digest()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _flat(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _encoded(filters: tuple[tuple[str, str], ...]) -> str:
    """Return filters as `.name.words.of.it=name.value` if possible, otherwise as JSON in base64."""
    if not filters:
        return ""
    if all(_PLAIN.fullmatch(value) for _, value in filters):
        return "." + "=".join(f"{name}.{value.replace(' ', '.')}" for name, value in filters)
    text = json.dumps(filters, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def _filters(encoded: str) -> tuple[tuple[str, str], ...]:
    if not encoded:
        return ()
    if encoded[0] == ".":
        named = [pair.partition(".") for pair in encoded[1:].split("=")]
        return tuple((name, value.replace(".", " ")) for name, _, value in named)
    try:
        pairs: object = json.loads(base64.urlsafe_b64decode(encoded))
    except ValueError:
        pairs = None
    if not isinstance(pairs, list):
        raise _refused("cursor is damaged")
    filters: list[tuple[str, str]] = []
    for pair in cast("list[object]", pairs):
        match pair:
            case [str() as name, str() as value]:
                filters.append((name, value))
            case _:
                raise _refused("cursor is damaged")
    return tuple(filters)


def _refused(why: str) -> ToolError:
    return invalid_arguments(
        f"{why}.",
        "Copy page.next_cursor exactly and use it with the same id, or leave cursor out to start "
        "from the beginning.",
    )
