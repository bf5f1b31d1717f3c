"""Writes a page as text for models. A message on the page cannot forge a header line.

    KP 3 messages, newest first. More follow: cursor=1lm.df~msg_…
    KP assistant ~b3Xz9 2026-11-21 10:00 UTC
    The text of the message, as it was written.
    KP user ~x7Kd2 09:58
    KP+{"metadata":{"topic":"refunds"}}
    Its text.
    KP user ~Tq41r :57
    The text of the next message, written at 09:57.

Each page has a random prefix (here `KP`) that no message on the page contains. The lines that
start with the prefix are the heading, the header of each item, and the item's other fields as JSON.
All other lines are unchanged message text. To save tokens, a header leaves out the parts of the
time that are the same for the item above: the date, the date and the hour, or everything. The
header of a thread shows the time of the thread's last message. On a page of messages, most headers
show only the last characters of the message's id, after `~` (`short_ids`).
"""

import json
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from typing import Final

from backscroll_tools.errors import ToolError
from backscroll_tools.models import HitsPage, Page

MARK_CHARS: Final = 5
"""The maximum length of a prefix: two letters, and three digits if a page needs a longer one."""

_LETTERS: Final = "ABCDEFGHIKLMNOPRSTUVW"
"""The letters of prefixes. A pair of them is one token of o200k, except `UO`. A pair with another
capital letter is often two tokens."""

_PAIRS: Final = len(_LETTERS) ** 2
_NUMBERS: Final = 1_000
_DRAWS: Final = 100
"""The maximum number of random prefixes to try of each length. A page of 200,000 characters
contains at most 40,000 of the 441,000 long prefixes, so the chance that 100 long ones fail is
10^-104."""

_IN_HEADER: Final = frozenset({"id", "role", "text", "message_id", "created_at"})
_IN_THREAD_HEADER: Final = _IN_HEADER - {"created_at"} | {"last_message_at"}
_ORDERS: Final = {
    "desc": "newest first",
    "asc": "oldest first",
    "upstream": "in the upstream's order",
}
_WHOLE_CHARS: Final = 12
"""The maximum length of an id that is always shown whole, in characters."""

WHOLE_IDS: Final = "list-messages shows whole ids if preview_chars is 1."
"""Where an agent finds a whole id, for errors about short ids."""

_NEEDS_WHOLE_ID: Final = frozenset({"clipped", "omitted", "files", "attachments"})
"""An item with one of these fields is shown with its whole id, because an agent is likely to pass
the id to another tool."""

_LATEST: Final = 253_402_300_799
"""The last second of the year 9999, in Unix seconds. Later times are shown as Unix seconds, because
`datetime` cannot represent them."""

_SEPARATORS: Final = (("\x85", "\\u0085"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029"))
"""The line separators that JSON allows in strings, and their escapes."""

# Parsed JSON has no cycles, so the check for them is off.
_compact: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))


def compact(value: object) -> str:
    """Return a value as JSON without white space, as it is sent to hosts."""
    return _compact.encode(value)


def unused_prefix(texts: Iterable[str]) -> str:
    """Return a random line prefix that no text contains.

    It has two letters, such as `KP`. If most pairs of letters are in the texts, three digits
    follow, such as `KP417`.
    """
    all_texts = list(texts)
    for draw in range(2 * _DRAWS):
        first, second = divmod(secrets.randbelow(_PAIRS), len(_LETTERS))
        mark = f"{_LETTERS[first]}{_LETTERS[second]}"
        if draw >= _DRAWS:
            mark += f"{secrets.randbelow(_NUMBERS):03}"
        if not any(mark in text for text in all_texts):
            return mark
    message = "No unused line prefix was found for this page."
    raise ToolError("internal", message, next_step="Call again with a smaller `limit`.")


def heading(mark: str, page: Page, noun: str) -> str:
    """Return the first line of a page: the count, the order, and how to continue."""
    count = page["returned"]
    parts = [f"{mark} {count} {noun if count == 1 else noun + 's'}"]
    if count > 1:
        parts.append(f", {_ORDERS[page['order']]}")
    if page.get("derived"):
        parts.append(", as named in the message")
    if passed := page.get("passed"):
        parts.append(f", other items skipped: {passed}")
    return "".join(parts) + continuation(page)


def continuation(page: Page | HitsPage) -> str:
    """Return the end of a page's first line: why the page ends, and how to continue."""
    parts: list[str] = []
    # An agent continues in the same way after a page that ended for its limit or its size.
    if page["stopped_by"] not in {"end", "limit", "size"}:
        parts.append(f", stopped by {page['stopped_by']}")
    if page["next_cursor"] is not None:
        parts.append(f". More follow: cursor={page['next_cursor']}")
    else:
        parts.append(
            ". More follow, but cannot be reached." if page["has_more"] else ". No more follow."
        )
    if previous := page.get("previous_cursor"):
        # Put no full stop after the first cursor, because it could be mistaken for a part of it.
        joint = " More" if page["next_cursor"] is None else ", more"
        parts.append(f"{joint} precede: cursor={previous}")
    if warning := page.get("warning"):
        parts.append(f" Warning: {warning}.")
    return "".join(parts) + "\n"


def lines(
    item: Mapping[str, object],
    noun: str,
    above: Mapping[str, object] | None = None,
    shown_id: str = "",
) -> list[str]:
    """Return the lines of one item, without the page's prefix.

    The first line is the header. If the item has fields that the header does not show, the second
    line contains them as JSON. The item's text is appended to the last line.

    Args:
        item: the item.
        noun: the word to show in the header if the item has no role.
        above: the item above it on the page; None for the first item.
        shown_id: the id to show; by default, the whole id.
    """
    header = f" {item.get('role', noun)} {shown_id or item['id']}"
    if time := shown_time(item, above):
        header += f" {time}"
    hidden = _IN_THREAD_HEADER if "last_message_at" in item else _IN_HEADER
    found = [f"{header}\n"]
    if not item.keys() <= hidden:
        fields = {name: value for name, value in item.items() if name not in hidden}
        found.append(f"+{_on_one_line(compact(fields))}\n")
    if text := item.get("text"):
        found[-1] += f"{text}\n"
    return found


def _on_one_line(text: str) -> str:
    """Return JSON with an escape in place of each line separator that JSON allows in strings.

    The page's prefix may occur in fields, so no field may contain the start of a line.
    """
    if text.isascii():
        return text
    for separator, escape in _SEPARATORS:
        text = text.replace(separator, escape)
    return text


def all_lines(
    items: Sequence[Mapping[str, object]], noun: str, *, short_ids: bool = False
) -> list[str]:
    """Return the lines of all items of a page, without the page's prefix.

    Args:
        items: the items.
        noun: the word to show in the header of an item that has no role.
        short_ids: whether to show short ids, as `shown_ids` returns them.
    """
    above = (None, *items)
    ids = shown_ids(items) if short_ids else [""] * len(items)
    each = zip(items, above, ids, strict=False)
    found = (lines(item, noun, over, shown) for item, over, shown in each)
    return list(chain.from_iterable(found))


def with_short_ids(
    lines_of_items: Iterable[list[str]], items: Sequence[Mapping[str, object]]
) -> Iterator[list[str]]:
    """Return the lines of each item with the ids in headers as `shown_ids` returns them.

    Args:
        lines_of_items: for each item, what `lines` returned with the whole id.
        items: the items.
    """
    shown_lines = zip(lines_of_items, items, shown_ids(items), strict=True)
    for (header, *others), item, shown in shown_lines:
        yield [header.replace(f" {item['id']}", f" {shown}", 1), *others]


def shown_ids(items: Sequence[Mapping[str, object]]) -> list[str]:
    """Return the ids to show for the items of a page: `~` and the last characters of most ids.

    A short id has at least 5 characters after `~`, or 8 if the id does not mix capital and small
    letters, and as many as make it unique on the page. These ids stay whole: those of up to 12
    characters, those whose last 8 characters include no letter, and those of items that are not
    shown whole or refer to files.
    """
    ids = [str(item["id"]) for item in items]
    endings: dict[int, Counter[str]] = {}
    shown: list[str] = []
    for item, whole in zip(items, ids, strict=True):
        stays = len(whole) <= _WHOLE_CHARS or not _NEEDS_WHOLE_ID.isdisjoint(item)
        shown.append(whole if stays else _short_id(whole, ids, endings))
    return shown


def _short_id(whole: str, ids: Sequence[str], endings: dict[int, Counter[str]]) -> str:
    """Return the short id, or the whole id if it has no short form.

    `endings` counts how many ids share each ending, by the ending's length. It grows as needed.
    """
    end = whole[-_WHOLE_CHARS:]
    is_mixed = end.lower() != end and end.upper() != end
    if not any(map(str.isalpha, end[-8:])):
        return whole  # the end of a number or a time, which other messages may share
    for chars in range(5 if is_mixed else 8, _WHOLE_CHARS):
        if chars not in endings:
            endings[chars] = Counter(each[-chars:] for each in ids)
        if endings[chars][whole[-chars:]] == 1:
            return f"~{whole[-chars:]}"
    return whole


def marked(mark: str, unmarked: Iterable[str]) -> str:
    """Return the lines as one text, each line starting with the page's prefix."""
    return "".join([f"{mark}{line}" for line in unmarked])


def shown_date(seconds: int | None) -> str:
    """Return a date, in UTC; empty if the time is unknown."""
    return "" if seconds is None else _in_utc(seconds).partition(" ")[0]


def shown_time(item: Mapping[str, object], above: Mapping[str, object] | None = None) -> str:
    """Return an item's date and time, without the parts that are the same for the item above."""
    return _time(_minute(item), _minute(above) if above else "")


def _minute(item: Mapping[str, object]) -> str:
    """Return the date and time of an item in UTC, without seconds; empty if unknown.

    For a thread, return the time of its last message.
    """
    seconds = item.get("last_message_at", item.get("created_at"))
    return _in_utc(seconds) if isinstance(seconds, int) else ""


@lru_cache(maxsize=1024)  # needed twice: for the item's header, and to compare with the next item
def _in_utc(seconds: int) -> str:
    if not 0 <= seconds <= _LATEST:
        return f"{seconds} s"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _time(minute: str, above: str) -> str:
    """Return an item's time for its header.

    The parts that are the same in `above`, the time of the item above, are left out: `:57` has the
    same date and hour, `09:57` only the same date. The result is empty if both times are equal.
    """
    if minute == above:
        return ""
    date, _, time = minute.rpartition(" ")
    if not date or minute.endswith(" s"):
        return minute
    if above.startswith(minute[:-2]):
        return minute[-3:]
    return time if above.startswith(f"{date} ") else f"{minute} UTC"
