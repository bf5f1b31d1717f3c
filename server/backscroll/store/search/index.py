"""Writes the index in the transaction that writes a message, so that both always agree.

A thread, conversation or completion is an owner: a number made of its kind and its position.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from backscroll.database.locks import take_turns
from backscroll.database.search_schema import search_pending, search_scopes
from backscroll.store.search import rows, terms
from backscroll.store.search.entries import CHUNK, OWNERS, entries
from backscroll.store.search.rows import MAX_LENGTH, Row
from backscroll.store.search.texts import (
    KINDS,
    Entry,
    role_number,
)
from backscroll.store.search.titles import has_title, title_of, titled

_LOOKED_UP: Final = 3
"""The tokens of a message with which its row is looked up."""

_OWNER: Final = "\ue001"
"""Begins the token of an owner. No token of a text has it, because it is no letter or symbol."""
_SEPARATOR: Final = "\ue000"
"""Follows the number of a scope in tokens; no token has it, because it is no letter or symbol."""

_scope: Final = select(search_scopes.c.scope).where(
    search_scopes.c.partition == bindparam("partition")
)
_next_scope: Final = select(func.coalesce(func.max(search_scopes.c.scope), 0) + 1)


def owner_of(kind: int, position: int) -> int:
    """Return the number of an owner."""
    return position * KINDS + kind


def owner_token(owner: int) -> str:
    """Return the token of all messages of an owner, by which the index finds them."""
    return f"{_OWNER}{owner:x}"


def scope_of(connection: Connection, partition: str, *, create: bool = False) -> int | None:
    """Return the number of a partition; 0 for the default one, None if nothing was indexed in it.

    Args:
        connection: a connection; in a write transaction if `create` is set.
        partition: the name.
        create: whether to give it a number if it has none.
    """
    if not partition:
        return 0
    found: int | None = connection.scalar(_scope, {"partition": partition})
    if found is None and create:
        take_turns(connection, "search scopes")
        found = connection.scalar(_scope, {"partition": partition})
        if found is None:
            found = connection.execute(_next_scope).scalar_one()
            connection.execute(insert(search_scopes).values(partition=partition, scope=found))
    return found


def scoped(scope: int, tokens: Sequence[str]) -> Sequence[str]:
    """Return tokens as a partition's messages have them in the index."""
    return tokens if scope == 0 else [f"{scope}{_SEPARATOR}{token}" for token in tokens]


def add(connection: Connection, partition: str, owner: int, entries: Iterable[Entry]) -> None:
    """Index messages of an owner that are not indexed yet.

    Args:
        connection: the connection of the transaction that writes the messages.
        partition: the owner's partition.
        owner: its number.
        entries: the messages; those without a text are left out.
    """
    whole = (_with_title(connection, owner, entry) for entry in entries)
    texts = (entry for entry in whole if entry.text.strip())
    while chunk := list(islice(texts, CHUNK)):
        _add(connection, partition, owner, chunk)


def _add(connection: Connection, partition: str, owner: int, chunk: Sequence[Entry]) -> None:
    # Imported when something is written: the first start of a server must be quick.
    from backscroll_tools.search.tokenizer import TOKENS_VERSION, tokens

    scope = scope_of(connection, partition, create=True) or 0
    added = []
    for entry in chunk:
        made = entry.made or tokens(entry.text)
        row = Row(
            owner=owner,
            created_at=entry.created_at,
            position=entry.position,
            scope=scope,
            length=min(made.length, MAX_LENGTH),
            role=role_number(entry.role),
            version=TOKENS_VERSION,
        )
        added.append((row, _all_tokens(scope, owner, made.terms)))
    terms.add(connection, added)


def remove(connection: Connection, partition: str, owner: int, position: int, text: str) -> None:
    """Remove a message from the index.

    Args:
        connection: the connection of the transaction that erases the message.
        partition: the owner's partition.
        owner: the number of its thread, conversation or completion.
        position: its place there.
        text: its text, as it was indexed.
    """
    text = _text(connection, owner, position, text)
    row = _find(connection, partition, owner, position, text)
    if row is not None and _remove(connection, [(*row, text)]):
        _forget(connection)


def retitle(
    connection: Connection,
    partition: str,
    owner: int,
    before: Mapping[str, str] | None,
    after: Mapping[str, str] | None,
) -> None:
    """Index a new title.

    Args:
        connection: the connection of the transaction that changes the metadata; call this after it.
        partition: the owner's partition.
        owner: the number of the thread, conversation or completion.
        before: its metadata before the change.
        after: its metadata after the change.
    """
    from backscroll_tools.search.tokenizer import TOKENS_VERSION, tokens

    old, new = title_of(before), title_of(after)
    first = entries(connection, owner, -1)[:1] if old != new else []
    for entry in first:
        if not has_title(owner, entry.position):
            return
        text = titled(entry.text, old)
        found = _find(connection, partition, owner, entry.position, text)
        if found is None:
            add(connection, partition, owner, first)
            return
        row, data = found
        if data.version != TOKENS_VERSION:
            reset(connection)
            return
        earlier, later = tokens(text), tokens(titled(entry.text, new))
        old_terms, new_terms = (
            _all_tokens(data.scope, owner, each.terms) for each in (earlier, later)
        )
        data = data._replace(length=min(later.length, MAX_LENGTH))
        terms.replace(connection, row, data, old_terms, new_terms)
        _forget(connection)


def _with_title(connection: Connection, owner: int, entry: Entry) -> Entry:
    text = _text(connection, owner, entry.position, entry.text)
    return entry if text == entry.text else entry._replace(text=text, made=None)


def _text(connection: Connection, owner: int, position: int, text: str) -> str:
    """Return what is indexed of a message: the first one of its owner has the title, too."""
    if not has_title(owner, position):
        return text
    of, kind = divmod(owner, KINDS)
    return titled(text, title_of(connection.scalar(_METADATA[kind], {"of": of})))


def _find(
    connection: Connection, partition: str, owner: int, position: int, text: str
) -> tuple[int, Row] | None:
    from backscroll_tools.search.tokenizer import tokens

    if not text.strip():
        return None
    scope = scope_of(connection, partition) or 0
    # The longest tokens are the rarest ones, and leave few rows to look at.
    longest = sorted(tokens(text).terms, key=len)[-_LOOKED_UP:]
    row = _row_at(connection, owner, position, scoped(scope, longest))
    # If it is not found, it is not indexed yet, or another version made its tokens.
    return row or _row_at(connection, owner, position, ())


def _row_at(
    connection: Connection, owner: int, position: int, also: Sequence[str]
) -> tuple[int, Row] | None:
    everything = (1, rows.newest(connection))
    ids = terms.having(connection, [owner_token(owner)], "all", everything, also=also)
    found = rows.read(connection, ids).items()
    return next((each for each in found if each[1].position == position), None)


def rows_of(connection: Connection, owner: int, above: int = 0) -> dict[int, int]:
    """Return the rows of an owner's messages, by their positions.

    Args:
        connection: a connection.
        owner: the number of the owner.
        above: only rows with greater numbers are returned.
    """
    between = (above + 1, rows.newest(connection))
    ids = terms.having(connection, [owner_token(owner)], "all", between)
    return {row.position: each for each, row in rows.read(connection, ids).items()}


def remove_owner(connection: Connection, owner: int) -> None:
    """Remove all messages of an owner from the index; call this before they are erased."""
    indexed = rows_of(connection, owner)
    above = -1
    while indexed and (found := entries(connection, owner, above)):
        above = found[-1].position
        data = rows.read(
            connection, [indexed[at.position] for at in found if at.position in indexed]
        )
        texts = {
            indexed[at.position]: _text(connection, owner, at.position, at.text)
            for at in found
            if at.position in indexed
        }
        if not _remove(connection, [(row, data[row], text) for row, text in texts.items()]):
            return
    if indexed:
        _forget(connection)


def reset(connection: Connection) -> None:
    """Empty the index, so that everything is indexed again in the background."""
    terms.clear(connection)
    connection.execute(delete(search_pending))
    for kind, table in OWNERS.items():
        last = connection.scalar(select(func.max(table.c.position)))
        if last is not None:
            connection.execute(insert(search_pending).values(kind=kind, below=last + 1))


_METADATA: Final = {
    kind: select(table.c.metadata).where(table.c.position == bindparam("of"))
    for kind, table in OWNERS.items()
}


def _remove(connection: Connection, removed: Sequence[tuple[int, Row, str]]) -> bool:
    """Remove rows; False if another version made their tokens, and the whole index was emptied."""
    from backscroll_tools.search.tokenizer import TOKENS_VERSION, tokens

    if not rows.is_postgres(connection) and any(
        data.version != TOKENS_VERSION for _, data, _ in removed
    ):
        reset(connection)
        return False
    found = (
        (row, _all_tokens(data.scope, data.owner, tokens(text).terms))
        for row, data, text in removed
    )
    terms.remove(connection, list(found))
    return True


def _all_tokens(scope: int, owner: int, made: Sequence[str]) -> list[str]:
    return [*scoped(scope, made), owner_token(owner)]


ERASING: Final = 3
"""The kind of the pending row that says that FTS5 still keeps something of removed rows."""


def _forget(connection: Connection) -> None:
    if not terms.forget(connection):
        connection.execute(delete(search_pending).where(search_pending.c.kind == ERASING))
        connection.execute(insert(search_pending).values(kind=ERASING, below=0))
