"""The transcript that a model reads, with header lines that no message can forge.

    #kqzv 2 messages, newest first. More follow: cursor=1lm.df~msg_…
    #kqzv assistant msg_… 2026-11-21 10:00
    The text of the message, as it was written.
    #kqzv user msg_… 09:58
    #kqzv+{"metadata":{"topic":"refunds"}}
    Its text.

The first line starts with a random prefix that no text on the page contains. We write every line
that starts with the prefix: the heading, a header, or a header's further fields as JSON. All other
lines are verbatim message text. To save tokens, a header leaves out the date, or the whole time, if
it is the same as in the header above.
"""

import json
import secrets
import string
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from backscroll_tools.errors import ToolError
from backscroll_tools.models import Page

MARK_CHARS: Final = 5
"""`#` and four letters: 456,976 prefixes, more than fit on a page of 200,000 characters."""

_LETTERS: Final = string.ascii_lowercase
_MARKS: Final = len(_LETTERS) ** (MARK_CHARS - 1)
_DRAWS: Final = 100
"""A page holds at most 200,000 / 5 prefixes, so 100 draws all fail once in 10^105 pages."""

_IN_HEADER: Final = frozenset({"id", "role", "created_at", "text", "message_id"})
_LATEST: Final = 253_402_300_799
"""The last second of the year 9999 (RFC 3339 has four digits for a year)."""

# Values come from parsed JSON, which has no cycles to check for.
_compact: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))


def compact(value: object) -> str:
    """Return a value as compact JSON, as it is sent over the wire."""
    return _compact.encode(value)


def fresh_mark(texts: Iterable[str]) -> str:
    """Return a random line prefix that occurs in none of the texts."""
    held = list(texts)
    for _ in range(_DRAWS):
        mark = f"#{_letters(secrets.randbelow(_MARKS))}"
        if not any(mark in text for text in held):
            return mark
    message = "No mark is free of the page's texts."
    raise ToolError("internal", message, next_step="Call again with a smaller `limit`.")


def _letters(number: int) -> str:
    """Return the letters of the prefix with this number."""
    letters = ""
    for _ in range(MARK_CHARS - 1):
        number, letter = divmod(number, len(_LETTERS))
        letters += _LETTERS[letter]
    return letters


def heading(mark: str, page: Page, noun: str) -> str:
    """Return the first line of a page: the count, the order, and how to continue."""
    count = page["returned"]
    parts = [f"{mark} {count} {noun if count == 1 else noun + 's'}"]
    if count > 1:
        parts.append(f", {'newest' if page['order'] == 'desc' else 'oldest'} first")
    if page.get("derived"):
        parts.append(", as the message names them")
    if passed := page.get("passed"):
        parts.append(f", {passed} items between them passed over")
    if page["stopped_by"] not in {"end", "limit"}:
        parts.append(f", stopped by {page['stopped_by']}")
    if page["next_cursor"] is not None:
        parts.append(f". More follow: cursor={page['next_cursor']}")
    else:
        parts.append(". More follow, out of reach." if page["has_more"] else ". No more follow.")
    if warning := page.get("warning"):
        parts.append(f" Warning: {warning}.")
    return "".join(parts) + "\n"


def lines(
    item: Mapping[str, object], noun: str, above: Mapping[str, object] | None = None
) -> list[str]:
    """Return the lines of one item, without their prefixes; the last one ends with its text.

    The lines are the header and, if the item has further fields, a line with those.

    Args:
        item: the item.
        noun: the word for the item if it has no role.
        above: the item above it, if any.
    """
    header = f" {item.get('role', noun)} {item['id']}"
    if time := _time(_minute(item), _minute(above) if above else ""):
        header += f" {time}"
    fields = {name: value for name, value in item.items() if name not in _IN_HEADER}
    found = [f"{header}\n", f"+{compact(fields)}\n"] if fields else [f"{header}\n"]
    if text := item.get("text"):
        found[-1] += f"{text}\n"
    return found


def marked(mark: str, unmarked: Iterable[str]) -> str:
    """Return the lines, each with the page's prefix added."""
    return "".join([f"{mark}{line}" for line in unmarked])


def _minute(item: Mapping[str, object]) -> str:
    """Return when an item was created, in UTC to the minute; empty if unknown."""
    seconds = item.get("created_at")
    return _in_utc(seconds) if isinstance(seconds, int) else ""


@lru_cache(maxsize=1024)  # needed twice per item: for its own header and the next one
def _in_utc(seconds: int) -> str:
    if not 0 <= seconds <= _LATEST:
        return f"{seconds} s"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _time(minute: str, above: str) -> str:
    """Return the parts of a time that the time above it does not already show."""
    if minute == above:
        return ""
    date, _, time = minute.rpartition(" ")
    return time if date and above.startswith(f"{date} ") else minute
