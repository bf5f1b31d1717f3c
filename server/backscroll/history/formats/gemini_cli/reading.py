"""Reads the session in a file of Gemini CLI."""

import errno
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import PurePath
from typing import Any, Final

from backscroll.history.conversation import Record, SourceConversation, SourceItem, Unreadable
from backscroll.history.formats.gemini_cli.messages import items_of
from backscroll.history.formats.gemini_cli.session import Message, Session
from backscroll.history.items.log_items import item_key
from backscroll.history.reading.fields import sequence, string, text_in
from backscroll.history.reading.log_lines import (
    IN_MEMORY,
    LogReader,
    note_unreadable,
    parsed,
    why_unreadable,
)
from backscroll.history.reading.times import unix_ms, whole_seconds
from backscroll.history.source_file import SourceFile
from backscroll.history.streamed_items import StreamedItems
from backscroll.store.envelopes import JSON

NAME: Final = "gemini-cli"

_FOLDER: Final = "chats"


def read(file: SourceFile, *, in_memory: int = IN_MEMORY) -> Iterator[Record]:
    """Yield the session in a file: one JSON document, or in newer versions JSON Lines.

    Args:
        file: the file.
        in_memory: a limit for the total size of the messages, in bytes. Up to it, the items stay in
            memory. Above it, they are read again whenever they are used. The items of a JSON
            document always stay in memory.

    Raises:
        OSError: the file cannot be read.
    """
    is_document = file.name.lower().removesuffix(".zst").endswith(".json")
    session = Session(1 << 62 if is_document else in_memory)
    unreadable: list[Unreadable] = []
    with file.open() as stream:
        reader = LogReader(stream)
        for line in reader.document() if is_document else reader.lines():
            value, replaced = parsed(line.raw)
            session.replaced += replaced
            if value is not None:
                session.take(line.offset, len(line.raw), value)
            else:
                position = "the file" if is_document else ""
                note_unreadable(unreadable, line, why_unreadable(line), position)
    yield from unreadable
    items: Sequence[SourceItem]
    if session.kept:
        items = tuple(_kept(session.messages))
    else:
        items = StreamedItems(partial(_streamed, file, session.messages))
    if items:
        yield _conversation(file, session, items)


def _kept(messages: Mapping[str, Message]) -> Iterator[SourceItem]:
    for identifier, message in messages.items():
        for suffix, body in message.bodies or ():
            key = item_key(identifier, suffix)
            yield SourceItem(key=key, item=body, created_at=message.created_at)


def _streamed(file: SourceFile, messages: Mapping[str, Message]) -> Iterator[SourceItem]:
    with file.open() as stream:
        reader = LogReader(stream)
        at, line = -1, dict[str, Any]()
        for identifier, message in messages.items():
            if message.offset != at:
                at, line = message.offset, _object(reader.line_at(message.offset).raw)
            value = line if message.index is None else _listed(line, message.index)
            for suffix, body in items_of(value):
                key = item_key(identifier, suffix)
                yield SourceItem(key=key, item=body, created_at=message.created_at)


def _object(raw: bytes) -> JSON:
    value, _ = parsed(raw)
    if value is None:
        raise _changed()
    return value


def _listed(line: JSON, index: int) -> JSON:
    changes = line.get("$set", line)
    messages = changes.get("messages") if isinstance(changes, dict) else None
    if not isinstance(messages, list) or index >= len(messages):
        raise _changed()
    message = messages[index]
    return message if isinstance(message, dict) else {}


def _changed() -> OSError:
    return OSError(errno.EIO, "the file was changed while it was read")


def _conversation(
    file: SourceFile, session: Session, items: Sequence[SourceItem]
) -> SourceConversation:
    path = PurePath(file.name)
    folder = path.parent
    fields = session.fields
    directories = sequence(fields.get("directories"))
    project_hash = text_in(fields, "projectHash")
    first_ms, last_ms = (
        unix_ms(text_in(fields, "startTime")),
        unix_ms(text_in(fields, "lastUpdated")),
    )
    return SourceConversation(
        source=NAME,
        id=text_in(fields, "sessionId") or path.name.partition(".")[0],
        items=items,
        title=text_in(fields, "summary").strip() or session.prompt,
        created_at=whole_seconds(session.period.first_ms if first_ms is None else first_ms),
        updated_at=whole_seconds(_latest(session.period.last_ms, last_ms)),
        project=string(directories[0]) if directories else "",
        model=session.model,
        parent=folder.name if folder.parent.name == _FOLDER else "",
        metadata={"project_hash": project_hash} if project_hash else {},
        replaced=session.replaced,
    )


def _latest(*times: int | None) -> int | None:
    return max((time for time in times if time is not None), default=None)
