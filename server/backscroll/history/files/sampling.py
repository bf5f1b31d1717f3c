"""Reads the start of a file, from which its format is recognised."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from backscroll.history.files.sample import Sample, SampleKind
from backscroll.history.reading.json_events import start_of_value
from backscroll.history.reading.sqlite_connections import FIRST_BYTES as SQLITE_BYTES
from backscroll.history.source_file import SourceFile

FIRST_BYTES: Final = 256 * 1024
"""How much of a file is read at first."""

MORE_BYTES: Final = 4 * 1024**2
"""How much is read if the first bytes are not enough to recognise the format."""

_START_BYTES: Final = 65_536
_BOM: Final = b"\xef\xbb\xbf"
_LINES: Final = 64
_ITEMS: Final = 3
_CHARACTER_BYTES: Final = 4
_OF_LINES: Final = (".jsonl", ".ndjson", ".txt", ".log", ".zst")

Record = Mapping[str, Any]


def samples(file: SourceFile) -> Iterator[Sample]:
    """Yield samples of the start of a file, the likeliest kind first.

    If the kind is unclear, there are two samples. For example, one JSON object on one line may be a
    document, or the only line of JSON Lines. For JSON that is longer than `FIRST_BYTES`, more
    samples follow. They contain `MORE_BYTES` of the file, so fewer of their records are cut off.

    Raises:
        OSError: the file cannot be read.
    """
    with file.open() as stream:
        start = stream.read(FIRST_BYTES)
        whole = len(start) < FIRST_BYTES
        yield from _samples(file, start, whole=whole)
        if not whole and _json_character(start):
            more = stream.read(MORE_BYTES - FIRST_BYTES)
            yield from _samples(file, start + more, whole=len(more) < MORE_BYTES - FIRST_BYTES)


def _samples(file: SourceFile, start: bytes, *, whole: bool) -> Iterator[Sample]:
    name = Path(file.name).name.lower()

    def sample(kind: SampleKind, records: list[Record]) -> Sample:
        return Sample(kind, records, start=start[:_START_BYTES], name=name)

    text = start.removeprefix(_BOM)
    if start.startswith(SQLITE_BYTES):
        yield Sample("sqlite", tables=_tables(file), start=start[:_START_BYTES], name=name)
    elif _json_character(start) == b"[":
        yield sample("array", _objects(start_of_value([text])[0])[:_ITEMS])
    elif _json_character(start) == b"{":
        lines = _lines(text, whole=whole)
        document = _objects([start_of_value([text])[0]]) if _is_document(text) else []
        both: list[tuple[SampleKind, list[Record]]] = [("object", document), ("lines", lines)]
        for kind, records in reversed(both) if name.endswith(_OF_LINES) else both:
            if records:
                yield sample(kind, records)
        if not document and not lines:
            yield sample("text" if _is_text(start) else "other", [])
    else:
        yield sample("text" if _is_text(start) else "other", [])


def _json_character(start: bytes) -> bytes:
    """Return the bracket with which JSON begins; empty if it is not an object or array."""
    first = start.removeprefix(_BOM).lstrip()[:1]
    return first if first in {b"[", b"{"} else b""


def _objects(values: object) -> list[Record]:
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []


def _lines(text: bytes, *, whole: bool) -> list[Record]:
    """Return the objects of the first lines. The last object may be cut off."""
    *lines, last = text.split(b"\n", _LINES)
    found = [_parsed(line) for line in lines]
    if len(lines) < _LINES:
        complete = _parsed(last)
        found.append(complete if complete is not None or whole else start_of_value([last])[0])
    return _objects(found)


def _is_document(text: bytes) -> bool:
    """Return whether text that begins with `{` may be one object, instead of JSON Lines."""
    first, _, rest = text.lstrip().partition(b"\n")
    return not rest.strip() or _parsed(first) is None


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_text(start: bytes) -> bool:
    try:
        start.decode()
    except UnicodeDecodeError as error:
        # The last character may be cut off. Any earlier error shows that this is not UTF-8.
        if len(start) - error.start >= _CHARACTER_BYTES:
            return False
    return b"\0" not in start


def _tables(file: SourceFile) -> frozenset[str]:
    """Return the names of a database's tables; nothing if it is damaged or encrypted."""
    if file.path is None:
        return frozenset()
    uri = file.path.resolve().as_uri()
    # With `immutable=1`, SQLite takes no locks, which could block the program that writes the
    # database. But it also ignores the write-ahead log. If all tables are still in that log, only
    # `mode=ro` finds them.
    for mode in ("immutable=1", "mode=ro"):
        try:
            with closing(sqlite3.connect(f"{uri}?{mode}", uri=True, timeout=0)) as connection:
                rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                names = frozenset(str(name) for (name,) in rows)
        except sqlite3.Error:
            continue
        if names:
            return names
    return frozenset()
