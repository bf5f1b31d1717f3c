"""JSON that is stored compressed on SQLite.

Most of an agent's session is outputs of tools, and their JSON becomes four times shorter if it is
compressed. So an import compresses the long bodies of items, except those of messages, because
queries examine messages with SQLite's functions for JSON. On PostgreSQL, nothing is compressed
here, because PostgreSQL compresses long values by itself.

A compressed value is a BLOB: the length of the JSON text in characters as decimal digits, a space,
and the text in UTF-8 as a frame of zstandard. With the length at its start, a query can tell the
length of the text without decompressing it.
"""

import threading
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import JSON, Integer, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from backscroll.database.faults import DatabaseFailedError
from backscroll.database.json_text import load_json

if TYPE_CHECKING:
    import sqlite3

LEAST_CHARS: Final = 1_024
"""Shorter JSON texts are not compressed, because that saves little."""

_IS_DAMAGED: Final = "is_damaged_json"
"""The name that `_is_damaged` has in SQL."""
_LEVEL: Final = 3
_DIGITS: Final = 12
"""More digits than the length of any value has, because SQLite stores at most 2 GB in a value."""


class JsonText(NamedTuple):
    """A value to store that is already JSON text.

    Attributes:
        text: the JSON text.
        is_compressible: whether the text is compressed on SQLite if it is long.
    """

    text: str
    is_compressible: bool


class WrittenJson(TypeDecorator[JsonText]):
    """The type of a parameter whose value is a `JsonText`."""

    impl = JSON
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:  # noqa: ANN401 - SQLAlchemy's own type
        """Return a function that converts a `JsonText` to the value that the driver stores."""
        return _stored if dialect.name == "sqlite" else lambda value: value.text


class DumpedJson(TypeDecorator[str]):
    """The type of a parameter whose value is JSON text, which is never compressed."""

    impl = JSON
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> None:
        """Let the driver store the text unchanged."""


class _ReadText(TypeDecorator[str]):
    """The type of a stored JSON value that is read as text."""

    impl = Text
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        return decompressed(value).decode() if isinstance(value, bytes) else value


class text_of(FunctionElement[str]):  # noqa: N801 - a function of SQL
    """The JSON text of a column, which may be compressed."""

    type = _ReadText()
    inherit_cache = True


class length_of(FunctionElement[int]):  # noqa: N801 - a function of SQL
    """The length in characters of the JSON text of a column, which may be compressed."""

    type = Integer()
    inherit_cache = True


class uncompressed(FunctionElement[Any]):  # noqa: N801 - a function of SQL
    """The value of a JSON column; null if it is compressed, because SQL cannot examine it then."""

    type = JSON(none_as_null=True)
    inherit_cache = True


def load_stored_json(stored: str | bytes) -> object:
    """Return the value of a JSON column of SQLite.

    Raises:
        DatabaseFailedError: the database is damaged.
    """
    return load_json(decompressed(stored) if isinstance(stored, bytes) else stored)


def compressed(text: str) -> bytes:
    """Return a JSON text as it is stored compressed."""
    return b"%d %b" % (len(text), _zstandard().compress(text.encode()))


def decompressed(stored: bytes) -> bytes:
    """Return the JSON text of a compressed value, in UTF-8.

    Raises:
        DatabaseFailedError: `stored` is not a compressed value, so the database is damaged.
    """
    _, _, frame = stored.partition(b" ")
    codec = _zstandard()
    try:
        return codec.decompress(frame)
    except codec.error:
        raise DatabaseFailedError("damaged", "malformed compressed JSON") from None


def damage_of(driver: "sqlite3.Connection", column: str) -> str:
    """Return an SQL expression that is 1 if a JSON column is malformed, and 0 otherwise.

    Args:
        driver: the connection that will use the expression.
        column: the column, as it is written in SQL.
    """
    driver.create_function(_IS_DAMAGED, 1, _is_damaged, deterministic=True)
    return (
        f"CASE typeof({column}) WHEN 'text' THEN json_valid({column}) = 0"
        f" WHEN 'blob' THEN {_IS_DAMAGED}({column}) ELSE 0 END"
    )


def _is_damaged(stored: bytes) -> bool:
    """Whether compressed JSON cannot be read."""
    try:
        load_stored_json(stored)
    except (DatabaseFailedError, ValueError):
        return True
    return False


class _Zstandard(threading.local):
    """The codec of one thread: to create one takes longer than to compress an item."""

    def __init__(self) -> None:
        import zstandard  # only when needed, so that a server starts quickly

        self.compress = zstandard.ZstdCompressor(_LEVEL).compress
        self.decompress = zstandard.ZstdDecompressor().decompress
        self.error = zstandard.ZstdError


@cache
def _zstandard() -> _Zstandard:
    return _Zstandard()


def _stored(value: JsonText) -> str | bytes:
    is_long = len(value.text) >= LEAST_CHARS
    return compressed(value.text) if is_long and value.is_compressible else value.text


@compiles(text_of)
def _text_of(element: text_of, compiler: SQLCompiler, **kwargs: object) -> str:
    return f"CAST({compiler.process(element.clauses, **kwargs)} AS TEXT)"


@compiles(text_of, "sqlite")
@compiles(uncompressed)
def _unchanged(
    element: text_of | uncompressed,
    compiler: SQLCompiler,
    **kwargs: object,
) -> str:
    return compiler.process(element.clauses, **kwargs)


@compiles(length_of)
def _length_of(element: length_of, compiler: SQLCompiler, **kwargs: object) -> str:
    return f"length(CAST({compiler.process(element.clauses, **kwargs)} AS TEXT))"


@compiles(length_of, "sqlite")
def _sqlite_length_of(
    element: length_of,
    compiler: SQLCompiler,
    **kwargs: object,
) -> str:
    column = compiler.process(element.clauses, **kwargs)
    # SQLite casts text to a number by its leading digits.
    return (
        f"CASE typeof({column}) WHEN 'blob' THEN CAST(substr({column}, 1, {_DIGITS}) AS INTEGER)"
        f" ELSE length(CAST({column} AS TEXT)) END"
    )


@compiles(uncompressed, "sqlite")
def _sqlite_uncompressed(
    element: uncompressed,
    compiler: SQLCompiler,
    **kwargs: object,
) -> str:
    column = compiler.process(element.clauses, **kwargs)
    return f"CASE typeof({column}) WHEN 'text' THEN {column} END"
