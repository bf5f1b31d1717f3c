"""Cursors. A cursor is an opaque string that names a position in a list.

Its format is `version+flags~position~inside~preview~filters~check`. It is plain text, because that
costs few tokens. A checksum detects a damaged cursor. It is a number, because three digits are one
token. A cursor is not a secret, and it grants no access, because the upstream authorises every
request.
"""

import base64
import hashlib
import json
import re
from typing import Final, cast

from msgspec import Struct

from backscroll_tools.client.requests import ID
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.models import Order

VERSION: Final = "1"
"""The version of the format. Cursors of other versions are refused."""

CHARS: Final = 4096
"""The maximum length of a cursor, in characters. `arguments` refuses longer cursors."""

FILTER_CHARS: Final = 400
"""The maximum length of all filters together, in characters, because each cursor contains them."""

FILTERS_ENCODED: Final = 1748
"""The maximum length of the encoded filters, in characters. A cursor also contains a key of up to
`KEY_CHARS` characters, and fewer than 46 other characters."""

KEY_CHARS: Final = CHARS - FILTERS_ENCODED - 46
KEY: Final = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.=-]{{0,{KEY_CHARS - 1}}}")
"""The format of an item's key in a list whose keys are not ids; at most `KEY_CHARS` characters."""

_SHAPE: Final = re.compile(
    r"(?P<version>[0-9]+)(?P<code>[a-z]+)\.(?P<order>[ad])(?P<way>[fbFB])"
    r"~(?P<position>[A-Za-z0-9_.=-]*)~(?P<inside>(?:[if][0-9]{1,12})?)~(?P<preview>[0-9]{0,4})"
    r"~(?P<filters>[A-Za-z0-9_.=-]*)~(?P<owner>[0-9]{4})(?P<check>[0-9]{8})"
)

_NAME: Final = re.compile(r"[A-Za-z0-9_]+")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+(?: [A-Za-z0-9_-]+)*")
"""If the names and the values of all filters have these formats, a cursor contains them as readable
text. This costs a third of the tokens of base64."""


class Inside(Struct, frozen=True):
    """The offset at which the next page continues inside an item that is longer than a page.

    Attributes:
        offset: the number of the item's characters that earlier pages have shown. It is above 0 in
            a cursor.
        with_fields: whether not only the item's text is split, but also its other fields, because
            they are long too. They follow the text, as JSON. If False, the page with the first
            piece of the text contains all other fields.
    """

    offset: int
    with_fields: bool = False


class ListPosition(Struct, frozen=True):
    """A position in a list, with the order and the filters of the list.

    Attributes:
        tool: the tool's name.
        owner: the id of the object that the list belongs to, such as a thread; empty if the list
            belongs to no object.
        order: the order of the items on a page.
        backward: whether the list is read in the opposite order, because of `before`.
        position: the key of the last item that was shown; in most lists, this is the item's id.
            Empty at the start of the list.
        inside: the offset in the last item, if only a part of this item was shown.
        preview: the maximum number of characters shown per message (`preview_chars`); 0 for whole
            messages.
        filters: the names and values of the arguments that filter the list.
        ignores_after: whether the upstream ignores `after`. If so, the page is taken from the first
            100 items of the list.
        continued: whether the position was read from a cursor. This is not encoded in a cursor.
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
    continued: bool = False

    @property
    def walk_order(self) -> Order:
        """The order in which the upstream is asked for items."""
        if self.backward:
            return "asc" if self.order == "desc" else "desc"
        return self.order


def encode(start: ListPosition) -> str:
    """Return the cursor for a position. `decode` reads it.

    Args:
        start: a position from `start_position` or `decode`, or a later position in that list. Its
            `position` is a key or empty. `inside.offset` has at most 12 digits, and `preview` at
            most 4. The filters are within the limits that `start_position` checks.
    """
    inside = ""
    if start.inside is not None:
        inside = f"{'f' if start.inside.with_fields else 'i'}{start.inside.offset}"
    way = "b" if start.backward else "f"
    way = way.upper() if start.ignores_after else way
    body = (
        f"{VERSION}{code_of(start.tool)}.{start.order[0]}{way}"
        f"~{start.position}~{inside}~{start.preview or ''}~{encoded_filters(start.filters)}~"
    )
    return body + checksum(body, start.owner)


def decode(cursor: str, tool: str, owner: str, key: re.Pattern[str] = ID) -> ListPosition:
    """Return the position that a cursor names.

    Args:
        cursor: the cursor.
        tool: the name of the tool that is called.
        owner: the id of the object that the list belongs to; empty if it belongs to no object.
        key: the format of the list's keys.

    Raises:
        ToolError: `invalid_arguments` if the cursor is damaged, or was created by another version,
            by another tool, or for another owner.
    """
    found = _SHAPE.fullmatch(cursor)
    if found is None:
        raise _refused("cursor is damaged")
    if found["version"] != VERSION:
        raise _refused("cursor was created by another version of this server")
    if found["code"] != code_of(tool):
        raise _refused(f"cursor belongs to a tool other than {tool}")
    body = cursor[: found.start("owner")]
    expected = checksum(body, owner)
    if not expected.startswith(found["owner"]):
        raise _refused("cursor was created for another id")
    position = found["position"]
    if not expected.endswith(found["check"]) or (position and not key.fullmatch(position)):
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


def code_of(tool: str) -> str:
    """Return the letters that stand for a tool in its cursors. No two tools have the same ones.

    They are the initials of the words in the tool's name. Only `run` and `runs` are shortened to
    two letters, `ru`, because `response` has the same initial.
    """
    return "".join(word[:2] if word in _RUNS else word[0] for word in tool.split("-"))


_RUNS: Final = frozenset({"run", "runs"})


def checksum(body: str, owner: str) -> str:
    """Return the last 12 digits of a cursor: 4 depend on the owner alone, 8 on the whole cursor.

    Args:
        body: the cursor without these digits.
        owner: the id of the object that the list belongs to; empty if it belongs to no object.
    """
    return _digits(owner, 4) + _digits(body + owner, 8)


def _digits(text: str, count: int) -> str:
    digest = hashlib.blake2s(text.encode(), digest_size=8).digest()
    return f"{int.from_bytes(digest) % 10**count:0{count}}"


def encoded_filters(filters: tuple[tuple[str, str], ...]) -> str:
    """Return filters as text such as `.role.user=query.two.words`, or else as JSON in base64."""
    if not filters:
        return ""
    if all(_NAME.fullmatch(name) and _PLAIN.fullmatch(value) for name, value in filters):
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
