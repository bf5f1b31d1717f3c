"""Updates the index in the transaction that changes a message, so both are committed or neither.

An owner is a thread, conversation, completion or response. Its number is computed from its kind and
position.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, cast

from sqlalchemy import Connection, bindparam, select

from backscroll.database.compiled import CompiledStatement
from backscroll.database.deferred import settle
from backscroll.database.json_text import load_json
from backscroll.store.search import pending, rows, terms
from backscroll.store.search.entries import CHUNK, OWNERS, entries
from backscroll.store.search.rows import MAX_LENGTH, WITH_TOOLS, Row
from backscroll.store.search.scopes import scope_of, scoped
from backscroll.store.search.texts import KINDS, Entry, has_title, role_number, with_tools
from backscroll.store.search.tool_indexing import indexes_tools
from backscroll_tools.search.titles import title_of, titled

_LOOKED_UP: Final = 32
"""How many of a message's tokens are used to find its row. With few of them, a message of common
words in a long conversation is found only among very many rows that have them too."""

_OWNER: Final = "\ue001"
"""The first character of an owner's token. This character is neither a letter nor a symbol, so no
token of a text has it."""


def owner_of(kind: int, position: int) -> int:
    """Return the number of the owner with this kind and position."""
    return position * KINDS + kind


def owner_token(owner: int) -> str:
    """Return the token that all messages of an owner have, so that the index can find them."""
    return f"{_OWNER}{owner:x}"


def add(connection: Connection, partition: str, owner: int, entries: Iterable[Entry]) -> None:
    """Add messages of an owner to the index. They must not be indexed yet.

    Args:
        connection: the connection of the transaction that writes the messages.
        partition: the owner's partition.
        owner: the owner's number.
        entries: the messages. Messages without a text are left out.
    """
    if indexes_tools(connection):
        entries = map(with_tools, entries)
    titled_entries = (_with_title(connection, owner, entry) for entry in entries)
    texts = (entry for entry in titled_entries if entry.text.strip())
    while chunk := list(islice(texts, CHUNK)):
        _add(connection, partition, ((owner, entry) for entry in chunk))


def add_new(
    connection: Connection,
    partition: str,
    added: Iterable[tuple[int, Mapping[str, str] | None, Iterable[Entry]]],
) -> None:
    """Add the messages of owners that are new.

    Args:
        connection: the connection of the transaction that writes the owners.
        partition: the owners' partition.
        added: the number, metadata and messages of each owner. They must not be read from the
            database as they are iterated over, because PostgreSQL receives others meanwhile.
    """
    marks = indexes_tools(connection)

    def entries_of_all() -> Iterator[tuple[int, Entry]]:
        for owner, metadata, members in added:
            title = title_of(metadata)
            for given in members:
                entry = with_tools(given) if marks else given
                if title and has_title(owner, entry.position):
                    entry = entry._replace(text=titled(entry.text, title), tokens=None)
                if entry.text.strip():
                    yield owner, entry

    _add(connection, partition, entries_of_all())


def _add(connection: Connection, partition: str, added: Iterable[tuple[int, Entry]]) -> None:
    # Imported only when something is written, so that a server starts quickly.
    from backscroll_tools.search.tokenizer import TOKENS_VERSION, tokens

    scope = scope_of(connection, partition, create=True) or 0
    marks = indexes_tools(connection)

    def rows_of_all() -> Iterator[tuple[Row, Sequence[str]]]:
        for owner, entry in added:
            position, role, created_at, text, prepared, tool_text = entry
            found = prepared or tokens(text)
            length, number = min(found.length, MAX_LENGTH), role_number(role)
            version = TOKENS_VERSION | (WITH_TOOLS if marks and tool_text else 0)
            row = Row(owner, created_at, position, scope, length, number, version)
            yield row, [*scoped(scope, found.terms), owner_token(owner)]

    terms.add(connection, rows_of_all())


def remove(connection: Connection, partition: str, owner: int, position: int, text: str) -> None:
    """Remove a message from the index.

    Args:
        connection: the connection of the transaction that erases the message. The message must
            not be erased yet.
        partition: the owner's partition.
        owner: the number of the message's owner.
        position: the message's position in its owner.
        text: the message's text, without the title and the text of tools.
    """
    settle(connection)
    whole = indexed_text(connection, owner, position, text)
    found = _find(connection, partition, owner, position, whole)
    if found is None:
        return
    row, data = found
    if data.has_tools:
        text = text_in(data, entries(connection, owner, position - 1, 1)[0])
    if remove_rows(connection, [(row, data, indexed_text(connection, owner, position, text))]):
        pending.erase(connection)


def remove_several(connection: Connection, owner: int, removed: Mapping[int, str]) -> None:
    """Remove messages of an owner from the index.

    Args:
        connection: the connection of the transaction that erases or moves the messages. Their
            content must still be there.
        owner: the number of the owner.
        removed: the position of each message, and the text that was indexed for it, without the
            title. Messages that are not indexed are ignored.
    """
    indexed = rows_of(connection, owner) if removed else {}
    positions = {indexed[position]: position for position in removed if position in indexed}
    found = []
    for row, data in rows.read(connection, positions).items():
        position = positions[row]
        text = removed[position]
        if data.has_tools:
            text = text_in(data, entries(connection, owner, position - 1, 1)[0])
        found.append((row, data, indexed_text(connection, owner, position, text)))
    if found and remove_rows(connection, found):
        pending.erase(connection)


def retitle(
    connection: Connection,
    partition: str,
    owner: int,
    before: Mapping[str, str] | None,
    after: Mapping[str, str] | None,
) -> None:
    """Replace the title of an owner in the index. Call this after the metadata was changed.

    Args:
        connection: the connection of the transaction that changes the metadata.
        partition: the owner's partition.
        owner: the number of the owner.
        before: the owner's metadata before the change.
        after: the owner's metadata after the change.
    """
    from backscroll_tools.search.tokenizer import TOKENS_VERSION, tokens

    old, new = title_of(before), title_of(after)
    first = entries(connection, owner, -1, 1) if old != new else []
    if not first or not has_title(owner, first[0].position):
        return
    settle(connection)
    text = first[0].text
    found = _find(connection, partition, owner, first[0].position, titled(text, old))
    if found is None:
        add(connection, partition, owner, first)
        return
    row, data = found
    text = text_in(data, first[0])
    earlier, later = titled(text, old), titled(text, new)
    if data.tokenizer != TOKENS_VERSION:
        pending.start_over(connection)
        return
    if later.strip():
        new_tokens = tokens(later)
        old_terms, new_terms = (
            _all_tokens(data.scope, owner, each.terms) for each in (tokens(earlier), new_tokens)
        )
        data = data._replace(length=min(new_tokens.length, MAX_LENGTH))
        terms.replace(connection, row, data, old_terms, new_terms)
    else:
        remove_rows(connection, [(row, data, earlier)])
    pending.erase(connection)


def _with_title(connection: Connection, owner: int, entry: Entry) -> Entry:
    text = indexed_text(connection, owner, entry.position, entry.text)
    return entry if text == entry.text else entry._replace(text=text, tokens=None)


def indexed_text(connection: Connection, owner: int, position: int, text: str) -> str:
    """Return the text to index for a message. For an owner's first message, add the title."""
    if not has_title(owner, position):
        return text
    of, kind = divmod(owner, KINDS)
    metadata = next((row[0] for row in _METADATA[kind].execute(connection, {"of": of})), None)
    if isinstance(metadata, str):  # SQLite has no type for JSON
        metadata = cast("dict[str, str] | None", load_json(metadata))
    return titled(text, title_of(metadata))


def _find(
    connection: Connection, partition: str, owner: int, position: int, text: str
) -> tuple[int, Row] | None:
    from backscroll_tools.search.tokenizer import tokens

    is_of_tools = not text.strip()
    if is_of_tools:  # a message without `text` is indexed only if it has text of tools
        text = entries(connection, owner, position - 1, 1)[0].tool_text
        if not text.strip():
            return None
    scope = scope_of(connection, partition) or 0
    rarest = sorted(tokens(text).terms, key=_rarity)[-_LOOKED_UP:]
    row = _row_at(connection, owner, position, scoped(scope, rarest))
    # If no row is found, another tokenizer version may have made the message's tokens, so search
    # again without them.
    return row if row or is_of_tools else _row_at(connection, owner, position, ())


def _rarity(token: str) -> tuple[bool, int]:
    """Return a sort key: numbers and long words tend to be the rarest, so few rows have them."""
    return any(map(str.isdecimal, token)), len(token)


def _row_at(
    connection: Connection, owner: int, position: int, words: Sequence[str]
) -> tuple[int, Row] | None:
    everything = (1, rows.newest(connection))
    ids = terms.candidates(connection, owner_token(owner), words, everything)
    found = rows.read(connection, ids).items()
    of_message = (owner, position)
    return next((each for each in found if (each[1].owner, each[1].position) == of_message), None)


def rows_of(connection: Connection, owner: int, above: int = 0) -> dict[int, int]:
    """Return the row of each message of an owner, by the position of the message.

    Args:
        connection: a connection.
        owner: the number of the owner.
        above: only rows with numbers greater than this are returned.
    """
    settle(connection)
    between = (above + 1, rows.newest(connection))
    ids = terms.having(connection, [owner_token(owner)], "all", between)
    return {row.position: each for each, row in rows.read(connection, ids).items()}


def text_in(data: Row, entry: Entry) -> str:
    """Return the text that is indexed for a message, without the title."""
    return (with_tools(entry) if data.has_tools else entry).text


_METADATA: Final = {
    kind: CompiledStatement(select(table.c.metadata).where(table.c.position == bindparam("of")))
    for kind, table in OWNERS.items()
}


def remove_rows(connection: Connection, removed: Sequence[tuple[int, Row, str]]) -> bool:
    """Remove rows, and return True.

    If another tokenizer version made their tokens, empty the index instead, and return False.
    """
    from backscroll_tools.search.tokenizer import TOKENS_VERSION, tokens

    if any(data.tokenizer != TOKENS_VERSION for _, data, _ in removed):
        pending.start_over(connection)
        return False
    found = (
        (row, _all_tokens(data.scope, data.owner, tokens(text).terms))
        for row, data, text in removed
    )
    terms.remove(connection, list(found))
    return True


def _all_tokens(scope: int, owner: int, terms_of_text: Sequence[str]) -> list[str]:
    return [*scoped(scope, terms_of_text), owner_token(owner)]
