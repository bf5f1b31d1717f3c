"""Reads the activities of Gemini Apps in Google Takeout: the file of My Activity, JSON or HTML.

The file does not say which prompts are of the same chat, so each prompt becomes a conversation.
Only exports in English are read, because each activity begins with a word such as `Prompted` in the
language of the user's Google Account.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from backscroll.history.conversation import Record, SourceConversation, Unreadable
from backscroll.history.files.sample import Sample
from backscroll.history.formats.gemini_apps.activity import Activity
from backscroll.history.formats.gemini_apps.html_text import text_of_html
from backscroll.history.formats.gemini_apps.page import activities
from backscroll.history.items.item_list import ItemList
from backscroll.history.items.openai_items import Part, file_part, message
from backscroll.history.reading.fields import first_text, objects_of, sequence, string, strings_in
from backscroll.history.reading.records import read_records, starts_with
from backscroll.history.reading.times import unix_seconds
from backscroll.history.source_file import SourceFile

NAME: Final = "gemini-apps"
_PRODUCTS: Final = ("gemini", "bard")
_PAGE_NAMES: Final = frozenset({"myactivity.html", "my activity.html"})
_PROMPTS: Final = re.compile(
    r"(?:Prompted with:|Asked (?:Gemini|Bard):|Prompted|Asked|Said|Answered|Branched)"
    r"(?:[ \u00a0]|$)"
)
_OTHERS: Final = re.compile(
    r"(?:Added|Created|Deleted|Edited|Exported|Gave|Pinned|Renamed|Selected|Shared|Updated|"
    r"Used|Viewed|Visited|Canvas|Feedback)\b"
)
"""Matches activities without a prompt, such as feedback or a document in Canvas."""

_ATTACHED: Final = re.compile(r"Attached \d+ files?\.?")
_FILE: Final = re.compile(r"-\s+(.+)", re.DOTALL)
_GEM: Final = re.compile(r"(.+) was used in this chat\..*", re.DOTALL)
_UNKNOWN: Final = (
    "is of an unknown kind: if it is not in English, set the language of your Google Account to "
    "English, and request the export again"
)
_NO_TIME: Final = "has no time that can be read: request the export again, in English and as JSON"
_EMPTY: Final = "has neither a prompt nor an answer: there is nothing to import"


def recognises(sample: Sample) -> bool:
    """Return whether a file with this start has activities of Gemini Apps."""
    if sample.kind == "text":
        page = sample.start.lower()
        if b"<html" not in page and b"outer-cell" not in page:
            return False
        named = b"outer-cell" in page and any(name.encode() in page for name in _PRODUCTS)
        return named or (b"outer-cell" not in page and sample.name in _PAGE_NAMES)
    return any(
        "time" in record and "title" in record and _is_gemini(_products(record))
        for record in sample.records
    )


def read(file: SourceFile) -> Iterator[Record]:
    """Yield the conversations of a file."""
    reading = _Reading()
    if not starts_with(file, b"<"):
        yield from read_records(file, reading.record)
        return
    with file.open() as stream:
        for number, activity in enumerate(activities(stream), 1):
            yield from reading.activity(activity, f"activity {number}")
    if not reading.found:
        reason = "has no activities of Gemini Apps: choose them under My Activity in Google Takeout"
        yield Unreadable("the file", reason)


class _Reading:
    """Reads the activities of one file.

    Attributes:
        found: whether any activity came from Gemini Apps.
    """

    def __init__(self) -> None:
        self.found = False
        self._at: Counter[int] = Counter()

    def record(self, found: Mapping[str, Any], position: str) -> Iterator[Record]:
        """Yield the conversation of an activity in JSON."""
        answers = objects_of(found.get("safeHtmlItem"))
        texts = (text_of_html(first_text(each, "html", "htmlValue")) for each in answers)
        yield from self.activity(
            Activity(
                product=_products(found),
                lines=[string(found.get("title")), *_notes(found)],
                answer="\n\n".join(filter(None, texts)),
                at=unix_seconds(found.get("time")),
                time=string(found.get("time")),
            ),
            position,
        )

    def activity(self, activity: Activity, position: str) -> Iterator[Record]:
        """Yield the conversation of an activity, if it has a prompt."""
        if not _is_gemini(activity.product):
            return
        self.found = True
        first = activity.lines[0] if activity.lines else ""
        begins = _PROMPTS.match(first)
        if begins is None:
            if not _OTHERS.match(first):
                yield Unreadable(position, _UNKNOWN)
            return
        if activity.at is None:
            yield Unreadable(position, _NO_TIME)
            return
        self._at[activity.at] += 1
        own_id = datetime.fromtimestamp(activity.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        number = self._at[activity.at]
        if number > 1:
            own_id += f"/{number}"
        lines = [first[begins.end() :], *activity.lines[1:]]
        conversation = _conversation(own_id, lines, activity)
        yield conversation if conversation.items else Unreadable(position, _EMPTY)


def _conversation(own_id: str, lines: Sequence[str], activity: Activity) -> SourceConversation:
    prompt: list[str] = []
    files: dict[str, None] = {}
    gem = ""
    attached = False
    for line in lines:
        if used := _GEM.fullmatch(line):
            gem = used[1]
        elif _ATTACHED.fullmatch(line):
            attached = True
        elif attached and (file := _FILE.fullmatch(line)):
            files[file[1].strip()] = None
        else:
            prompt.append(line)
    items = ItemList(activity.at)
    parts: list[Part] = ["\n".join(prompt).strip(), *map(file_part, files)]
    items.add("prompt", message("user", parts), activity.at)
    items.add("answer", message("assistant", [activity.answer]), activity.at)
    return SourceConversation(
        source=NAME,
        id=own_id,
        items=items.items(),
        created_at=activity.at,
        updated_at=activity.at,
        metadata={"gem": gem} if gem else {},
    )


def _products(found: Mapping[str, Any]) -> str:
    return " ".join((string(found.get("header")), *map(string, sequence(found.get("products")))))


def _is_gemini(products: str) -> bool:
    return any(name in products.lower() for name in _PRODUCTS)


def _notes(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines after the prompt: which files are attached, and which Gem was used."""
    attached = False
    for subtitle in objects_of(found.get("subtitles")):
        name = string(subtitle.get("name")).strip()
        attached = attached or _ATTACHED.fullmatch(name) is not None
        if _ATTACHED.fullmatch(name) or _FILE.fullmatch(name) or _GEM.fullmatch(name):
            yield name
    if not attached:
        files = list(strings_in([found.get("attachedFiles"), found.get("imageFile")]))
        if files:
            yield f"Attached {len(files)} files."
            yield from (f"- {name}" for name in files)
