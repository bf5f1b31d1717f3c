"""Chats of Cursor: its database, and the transcripts of its agents."""

from collections.abc import Iterator
from typing import Final

from backscroll.history.conversation import Record
from backscroll.history.files.sample import Sample
from backscroll.history.formats.cursor import chats
from backscroll.history.formats.cursor.transcripts import is_turn, read_transcript
from backscroll.history.formats.format import Format
from backscroll.history.reading.sqlite_source import is_database
from backscroll.history.source_file import SourceFile


def _recognises(sample: Sample) -> bool:
    if sample.kind == "sqlite":
        return chats.TABLE in sample.tables
    return sample.kind in {"lines", "object"} and any(is_turn(record) for record in sample.records)


def _read(file: SourceFile) -> Iterator[Record]:
    return chats.read(file) if is_database(file) else read_transcript(chats.NAME, file)


def _read_since(file: SourceFile, since_s: int) -> Iterator[Record]:
    return chats.read_since(file, since_s) if is_database(file) else _read(file)


FORMAT: Final = Format(
    name=chats.NAME,
    words="a database or transcript of Cursor",
    recognises=_recognises,
    read=_read,
    read_since=_read_since,
)
