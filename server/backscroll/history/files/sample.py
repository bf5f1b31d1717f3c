"""The start of a file, read only as far as is needed to recognise its format."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

SampleKind = Literal["array", "object", "lines", "sqlite", "text", "other"]


class Sample(Struct, frozen=True):
    """The start of a file.

    Attributes:
        kind: `array` for one JSON array, `object` for one JSON object, `lines` for JSON Lines,
            `sqlite` for an SQLite database, `text` for any other UTF-8 text (such as HTML), and
            `other` for anything else.
        records: for `lines`, the objects of the first lines (up to 64); for `array`, its first
            objects (up to 3); for `object`, the object itself. A record that was not read to its
            end has only the fields, list items and nested values that were read.
        tables: the names of the tables of a database.
        start: the first bytes (up to 65,536).
        name: the file's name without its folder, in lower case.
    """

    kind: SampleKind
    records: Sequence[Mapping[str, Any]] = ()
    tables: frozenset[str] = frozenset()
    start: bytes = b""
    name: str = ""
