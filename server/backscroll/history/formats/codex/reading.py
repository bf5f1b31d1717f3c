"""Reads the thread in a Codex log."""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import PurePath
from typing import Final

from backscroll.history.conversation import Record, SourceConversation, SourceItem, Unreadable
from backscroll.history.formats.codex.thread import Span, Thread
from backscroll.history.reading.log_lines import (
    IN_MEMORY,
    LogLine,
    LogReader,
    note_unreadable,
    parsed,
    why_unreadable,
)
from backscroll.history.reading.times import whole_seconds
from backscroll.history.source_file import SourceFile
from backscroll.history.streamed_items import StreamedItems
from backscroll.store.envelopes import JSON

NAME: Final = "codex"

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def read(
    file: SourceFile, *, in_memory: int = IN_MEMORY, thread: Thread | None = None
) -> Iterator[Record]:
    """Yield the thread of a log.

    Args:
        file: the log.
        in_memory: a limit for the total length of the lines with items, in bytes. Up to it, the
            items stay in memory. Above it, they are read again whenever they are used.
        thread: takes the lines; a new one by default.

    Raises:
        OSError: the log cannot be read.
    """
    thread = thread or Thread()
    unreadable: list[Unreadable] = []
    found: list[SourceItem] | None = []
    is_empty = True
    read_bytes = replaced = 0
    with file.open() as stream:
        for line, value, more in read_lines(LogReader(stream), thread, unreadable):
            replaced += more
            count = len(found or ())
            for item in thread.items(line.number, value):
                is_empty = False
                if found is not None:
                    found.append(item)
            remaining = thread.take_back(line.number, value)
            if found is None:
                continue
            read_bytes += len(line.raw) if len(found) > count else 0
            del found[remaining:]
            if read_bytes > in_memory:
                found = None
                thread.has_bodies = False
    yield from unreadable
    items: Sequence[SourceItem] = tuple(found or ())
    if found is None:
        items = StreamedItems(partial(_items, file, _merged(thread.spans)))
    if items and not is_empty:
        yield conversation_of(file, thread, items, replaced)


def _items(file: SourceFile, taken_back: Sequence[Span]) -> Iterator[SourceItem]:
    thread = Thread(taken_back=taken_back)
    with file.open() as stream:
        for line, value, _ in read_lines(LogReader(stream), thread):
            yield from thread.items(line.number, value)


def read_lines(
    reader: LogReader, thread: Thread, unreadable: list[Unreadable] | None = None
) -> Iterator[tuple[LogLine, JSON, int]]:
    """Yield each line that may report something, its value, and how many characters became U+FFFD.

    Args:
        reader: the log.
        thread: the thread that takes the lines.
        unreadable: gets the lines that cannot be read.
    """
    for line in reader.lines(thread.skips):
        value, replaced = parsed(line.raw)
        if value is not None:
            yield line, value, replaced
        elif unreadable is not None:
            note_unreadable(unreadable, line, why_unreadable(line))


def _merged(spans: Sequence[Span]) -> list[Span]:
    """Return spans in order. Spans that overlap become one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def conversation_of(
    file: SourceFile, thread: Thread, items: Sequence[SourceItem] = (), replaced: int = 0
) -> SourceConversation:
    """Return the conversation of a thread, with the facts of the lines that it has taken."""
    facts = thread.facts
    stem = PurePath(file.name).name.partition(".")[0]
    ids = _UUID.findall(stem)
    identifier = facts.id or (ids[-1] if ids else stem)
    other = {
        "git_branch": facts.git_branch,
        "version": facts.version,
        "agent": facts.agent,
    }
    return SourceConversation(
        source=NAME,
        id=identifier,
        items=items,
        title=facts.title or facts.prompt,
        created_at=whole_seconds(facts.period.first_ms),
        updated_at=whole_seconds(facts.period.last_ms),
        project=facts.project,
        model=facts.model,
        parent=facts.parent if facts.parent != identifier else "",
        metadata={name: fact for name, fact in other.items() if fact},
        has_shared_keys=True,
        replaced=replaced,
    )
