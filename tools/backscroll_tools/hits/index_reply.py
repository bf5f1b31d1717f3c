"""Builds requests to an upstream's search, and converts the replies (docs/upstreams.md)."""

from typing import Final, cast

from backscroll_tools.client import objects, requests, store_requests
from backscroll_tools.client.failures import unreadable
from backscroll_tools.client.requests import ID
from backscroll_tools.client.times import seconds
from backscroll_tools.hits.passages import EXCERPT_CHARS, Passage, Shown, title_line, with_dots
from backscroll_tools.hits.search import Search
from backscroll_tools.models import JSON
from backscroll_tools.pages.cursor import KEY

INDEX: Final = "i"
"""A position with this prefix is a position in an upstream's index. The cursor that the index
returned follows the prefix."""

_MATCHED: Final = {
    "all_words": "all words",
    "literals": "literal",
    "common_words": "common words",
    "meaning": "meaning",
}


def search_request(search: Search, after: str, limit: int) -> requests.Request:
    """Return the request for the next hits.

    Args:
        search: the search.
        after: the cursor that the index returned for the next hits; empty for the first hits.
        limit: the maximum number of hits.
    """
    period = search.period
    query = {
        "query": search.text,
        "limit": str(limit),
        "order": search.order,
        "excerpt_chars": str(EXCERPT_CHARS),
        "thread_id": search.thread_id,
        "role": search.role,
        "since": "" if period.since_s is None else str(period.since_s),
        "until": "" if period.until_s is None else str(period.until_s),
        "after": after,
    }
    return store_requests.search([(name, value) for name, value in query.items() if value])


def next_cursor(reply: JSON) -> str:
    """Return the index's cursor for the next page; empty if there is no next page.

    Raises:
        ToolError: `upstream_invalid` if our own cursors cannot contain the index's cursor, because
            it is not a string, is too long, or has a character that ids cannot have.
    """
    cursor = reply.get("next_cursor")
    if cursor is None:
        return ""
    if not isinstance(cursor, str) or not KEY.fullmatch(f"{INDEX}{cursor}"):
        raise unreadable("The upstream's search reply has no usable cursor.")
    return cursor


def matched(reply: JSON) -> str:
    """Return which part of the query each hit of a reply matches: a value of `HitsPage.matched`."""
    return _MATCHED.get(str(_about(reply).get("matched")), "any word")


def is_semantic(reply: JSON) -> bool | None:
    """Whether the upstream compared meanings as well as words; None if the reply does not say."""
    found = _about(reply).get("semantic")
    return found if isinstance(found, bool) else None


def is_cut(reply: JSON) -> bool:
    """Whether the upstream ignored a part of the query, because it was too long."""
    return _about(reply).get("cut") is True


def is_complete(reply: JSON) -> bool:
    """Whether the index contains all messages."""
    return _about(reply).get("complete") is not False


def left_out(reply: JSON) -> int:
    """Return how many hits the upstream left out, because their sessions were active recently."""
    return _count(_about(reply).get("left_out")) or 0


def importing(reply: JSON) -> list[str]:
    """Return the programs whose sessions are being imported for the first time."""
    names = _about(reply).get("importing")
    return [
        name
        for name in (cast("list[object]", names) if isinstance(names, list) else [])
        if isinstance(name, str) and ID.fullmatch(name)
    ]


def passages(reply: JSON) -> list[Passage]:
    """Return the hits of a reply, except those without valid ids.

    Raises:
        ToolError: `upstream_invalid` if the reply has no `data` list.
    """
    rows = reply.get("data")
    if not isinstance(rows, list):
        raise unreadable("The upstream's search reply has no `data` array.")
    return [_passage(cast("JSON", row)) for row in cast("list[object]", rows) if _is_hit(row)]


def _about(reply: JSON) -> JSON:
    about = reply.get("search")
    return cast("JSON", about) if isinstance(about, dict) else {}


def _is_hit(row: object) -> bool:
    match row:
        case {"id": str() as message_id, "thread_id": str() as thread_id, "excerpt": dict()}:
            return bool(ID.fullmatch(message_id) and ID.fullmatch(thread_id))
        case _:
            return False


def _passage(row: JSON) -> Passage:
    part = cast("JSON", row["excerpt"])
    text = part["text"] if isinstance(part.get("text"), str) else ""
    start = _count(part.get("start")) or 0
    total = max(_count(row.get("chars")) or 0, start + len(text))
    role = row.get("role")
    shown = Shown(
        row["id"],
        role if isinstance(role, str) and objects.ROLE.fullmatch(role) else "unknown",
        text,
        tuple(_spans(part.get("spans"), len(text))),
        found=True,
        created_at=seconds(row.get("created_at")),
        chars=total,
        position=_count(row.get("position")),
    )
    more = (start > 0, start + len(text) < total)
    return Passage(row["thread_id"], title_line(row.get("title")), (with_dots(shown, more),))


def _spans(value: object, chars: int) -> list[tuple[int, int]]:
    """Return the valid spans of an excerpt: in order, inside the excerpt, and without overlaps."""
    spans: list[tuple[int, int]] = []
    for each in cast("list[object]", value) if isinstance(value, list) else []:
        match each:
            case [int() as start, int() as end] if (
                (spans[-1][1] if spans else 0) <= start < end <= chars
            ):
                spans.append((start, end))
            case _:
                pass
    return spans


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
