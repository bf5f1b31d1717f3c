"""Sessions of OpenCode: its database, and the folder of older versions."""

from collections.abc import Collection, Iterator
from typing import Final

from backscroll.history.conversation import Record, Unreadable
from backscroll.history.files.sample import Sample
from backscroll.history.formats.format import Format
from backscroll.history.formats.opencode import database, storage
from backscroll.history.formats.opencode.sessions import NAME
from backscroll.history.reading.sqlite_source import is_database
from backscroll.history.source_file import SourceFile


def _recognises(sample: Sample) -> bool:
    if sample.kind == "sqlite":
        return sample.tables >= database.TABLES
    return sample.kind == "object" and any(storage.is_part(record) for record in sample.records)


def _read(file: SourceFile) -> Iterator[Record]:
    if is_database(file):
        return database.read(file)
    return iter([Unreadable(file.name, storage.PART_OF_FOLDER)])


def _read_since(file: SourceFile, since_s: int) -> Iterator[Record]:
    return database.read_since(file, since_s) if is_database(file) else _read(file)


def _recognises_folder(names: Collection[str]) -> bool:
    return all(name in names for name in storage.FOLDERS)


FORMAT: Final = Format(
    name=NAME,
    words="a database of OpenCode",
    recognises=_recognises,
    read=_read,
    read_since=_read_since,
    recognises_folder=_recognises_folder,
    read_folder=storage.read_folder,
)
