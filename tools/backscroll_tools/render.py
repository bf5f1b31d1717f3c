"""What a model reads: a transcript whose header lines no message can forge.

    #kqzv 2 messages, newest first. More follow: cursor=1lm.df~msg_…
    #kqzv assistant msg_… 2026-11-21 10:00
    The text of the message, as it was written.
    #kqzv user msg_… 09:58
    #kqzv+{"metadata":{"topic":"refunds"}}
    Its text.

The first line announces a mark that occurs in no text of the page. Every line that starts with
the mark is ours: the heading, a header, or a header's further fields as JSON. All others are
message text, verbatim. A header tells the date and the minute only where they differ from those of
the header above: models pay for each.
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
"""`#` and four letters: of 456,976 marks, a page of at most 200,000 characters cannot hold all."""

_LETTERS: Final = string.ascii_lowercase
_MARKS: Final = len(_LETTERS) ** (MARK_CHARS - 1)
_DRAWS: Final = 100
"""A page can hold at most 200,000 / 5 marks, so that 100 draws all fail once in 10^105 pages."""

_IN_HEADER: Final = frozenset({"id", "role", "created_at", "text", "message_id"})
_LATEST: Final = 253_402_300_799
"""The last second of the year 9999 (RFC 3339 has four digits for a year)."""

# What was read as JSON holds no circle to look for.
_compact: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))


def compact(value: object) -> str:
    """Return a value as compact JSON, as it goes over the wire."""
    return _compact.encode(value)


def fresh_mark(texts: Iterable[str]) -> str:
    """Return a random mark that occurs in none of the texts."""
    held = list(texts)
    for _ in range(_DRAWS):
        mark = f"#{_letters(secrets.randbelow(_MARKS))}"
        if not any(mark in text for text in held):
            return mark
    message = "No mark is free of the page's texts."
    raise ToolError("internal", message, next_step="Call again with a smaller `limit`.")


def _letters(number: int) -> str:
    """Return the letters of a mark by its number."""
    letters = ""
    for _ in range(MARK_CHARS - 1):
        number, letter = divmod(number, len(_LETTERS))
        letters += _LETTERS[letter]
    return letters


def heading(mark: str, page: Page, noun: str) -> str:
    """Return the first line of a page: the count, the order, and how to go on."""
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
    """Return one item as our lines, each without its mark and with the text that follows it.

    They are its header, and where it has further fields a line with those.

    Args:
        item: the item.
        noun: what it is called, where it has no role.
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
    """Return our lines, each with the mark that it starts with."""
    return "".join([f"{mark}{line}" for line in unmarked])


def _minute(item: Mapping[str, object]) -> str:
    """Return when an item was made, in UTC to the minute; nothing where it does not say."""
    seconds = item.get("created_at")
    return _in_utc(seconds) if isinstance(seconds, int) else ""


@lru_cache(maxsize=1024)  # asked for twice an item: for itself, and for the next
def _in_utc(seconds: int) -> str:
    if not 0 <= seconds <= _LATEST:
        return f"{seconds} s"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _time(minute: str, above: str) -> str:
    """Return what of a minute the minute above does not tell."""
    if minute == above:
        return ""
    date, _, time = minute.rpartition(" ")
    return time if date and above.startswith(f"{date} ") else minute
