"""The first words of a thread or conversation, which lists show as a summary.

Only the start of the first message is read: the database returns the first characters of its JSON,
and this module finds the text in them. If these characters end before the text, for example inside
an image, the database searches the message for its text parts and returns the start of each.
Messages with the role `system` or `developer` do not count as first messages.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from pydantic_core import from_json
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Integer,
    ScalarSelect,
    Select,
    Table,
    TableValuedAlias,
    Text,
    bindparam,
    case,
    cast,
    column,
    func,
    select,
)

from backscroll.database.compressed_json import uncompressed
from backscroll.database.port import Database
from backscroll.database.schema import conversations, items, messages, threads

WORDS_CHARS: Final = 120
"""The maximum length of the first words, in characters."""

_JSON_CHARS: Final = 2_000
"""How many characters are read from the start of a message's JSON or, if the message is searched
for its text parts, from the start of each text."""

SEARCHED_CHARS: Final = 16 * 1024 * 1024
"""The maximum total length, in characters, of the messages that are searched for one page."""

_PARTS: Final = 5
"""The maximum number of text parts to read from a searched message. It is more than 1, because the
first text parts may be blank."""

_ITEMS: Final = 20
"""How many of a conversation's first items are examined to find its first message."""

_INSTRUCTIONS: Final = ("system", "developer")

_first_message: Final = (
    select()
    .where(messages.c.deleted_at.is_(None), messages.c.role.not_in(_INSTRUCTIONS))
    .order_by(messages.c.position)
    .limit(1)
)
_item_body: Final = uncompressed(items.c.body)  # bodies of messages are never compressed
_first_item: Final = (
    select()
    .where(
        items.c.deleted_at.is_(None),
        items.c.position <= _ITEMS,
        _item_body["type"].as_string() == "message",
        _item_body["role"].as_string().not_in(_INSTRUCTIONS),
    )
    .order_by(items.c.position)
    .limit(1)
)


def _start(content: Column[Any]) -> ColumnElement[str]:
    return func.substr(cast(content, Text), 1, _JSON_CHARS)


of_thread: Final[ScalarSelect[str]] = (
    _first_message.add_columns(_start(messages.c.content))
    .where(messages.c.thread == threads.c.position)
    .scalar_subquery()
)
"""A query for the start of a thread's first message, for `first_words`; null if it has none."""

of_conversation: Final[ScalarSelect[str]] = (
    _first_item.add_columns(_start(items.c.body))
    .where(items.c.conversation == conversations.c.position)
    .scalar_subquery()
)
"""A query for the start of a conversation's first message, for `first_words`; null if it has
none."""


async def first_words(
    database: Database, rows: Sequence[tuple[Table, int, str | None]]
) -> list[str]:
    """Return the first words of the threads and conversations on a page.

    If the start of a message contains no text, the whole message is searched for its text parts. A
    message is not searched if the searched messages of the page would then have more than
    `SEARCHED_CHARS` characters in total.

    Args:
        database: the database.
        rows: for each thread or conversation, its table, its position, and the result of
            `of_thread` or `of_conversation`.

    Returns:
        For each row, up to `WORDS_CHARS` characters without line breaks, followed by `…` if the
        text is longer; empty if no text was found.
    """
    words = [_words_at_start(start or "[]") for _, _, start in rows]
    cut = [
        index
        for index, (_, _, start) in enumerate(rows)
        if not words[index] and len(start or "") == _JSON_CHARS
    ]
    if cut:
        searched = [rows[index][:2] for index in cut]
        found = await database.read(lambda connection: _search(connection, searched), large=True)
        for index, later in zip(cut, found, strict=True):
            words[index] = later
    return words


def _words_at_start(start: str) -> str:
    value = _partial(start)
    parts = value.get("content") if isinstance(value, dict) else value
    if not isinstance(parts, list):
        return ""
    return _words(part.get("text") for part in parts if isinstance(part, dict))


def _search(connection: Connection, rows: Iterable[tuple[Table, int]]) -> list[str]:
    """Search messages for their text parts, and return the first words of each message."""
    left = SEARCHED_CHARS
    found: list[str] = []
    for table, position in rows:
        statement = _texts(table, connection.dialect.name)
        texts = connection.execute(statement, {"row": position, "left": left}).all()
        size = texts[0].size if texts else 0  # no row if the message was deleted meanwhile
        left -= size if size <= left else 0
        found.append(_words(_partial(each.text) for each in texts if each.text is not None))
    return found


@lru_cache
def _texts(table: Table, engine: str) -> Select[Any]:
    """Return a query for the text parts of the first message of a thread or conversation.

    Each row has the start of one part as JSON in `text`, and the length of the message's JSON, in
    characters, in `size`. If `size` exceeds the parameter `left`, the message is not searched, and
    `text` is null.
    """
    if table is threads:
        first, content, owner = _first_message, messages.c.content, messages.c.thread
    else:
        first, content, owner = _first_item, items.c.body, items.c.conversation
    size = func.length(cast(content, Text)).label("size")
    message = (
        first.add_columns(size, content.label("content"))
        .where(owner == bindparam("row"))
        .subquery("message")
    )
    searched = case((message.c.size <= bindparam("left"), message.c.content))
    parts, text = (_sqlite_parts if engine == "sqlite" else _postgres_parts)(table, searched)
    return (
        select(message.c.size, func.substr(text, 1, _JSON_CHARS).label("text"))
        .select_from(message.outerjoin(parts, text != "null"))
        .order_by(parts.c.key)
        .limit(_PARTS)
    )


def _sqlite_parts(
    table: Table, content: ColumnElement[Any]
) -> tuple[TableValuedAlias, ColumnElement[str]]:
    """Return SQL for the table of a message's parts, and for the JSON of a part's `text`."""
    each = func.json_each(content, "$" if table is threads else "$.content")
    parts = each.table_valued(column("key", Integer), column("value", JSON), column("type", Text))
    # `json_each` gives the value of an object as JSON, but the value of a string as bare text.
    part = case((parts.c.type == "object", parts.c.value))
    return parts, cast(part["text"], Text)


def _postgres_parts(
    table: Table, content: ColumnElement[Any]
) -> tuple[TableValuedAlias, ColumnElement[str]]:
    array = content if table is threads else content["content"]
    each = func.json_array_elements(case((func.json_typeof(array) == "array", array)))
    parts = each.table_valued(column("value", JSON), with_ordinality="key").render_derived()
    return parts, cast(parts.c.value["text"], Text)


def _partial(start: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return as much of a JSON value as `start` contains; None if it is nested too deeply."""
    try:
        return from_json(start, allow_partial="trailing-strings")
    except ValueError:
        return None


def _words(texts: Iterable[object]) -> str:
    return next(filter(None, map(_words_of, texts)), "")


def _words_of(text: object) -> str:
    if isinstance(text, dict):
        text = text.get("value")
    words = " ".join(text.split()) if isinstance(text, str) else ""
    if len(words) <= WORDS_CHARS:
        return words
    cut = words[:WORDS_CHARS]
    return f"{cut.rpartition(' ')[0] or cut}…"
