"""What the index holds, and what it should hold: a scan of the messages."""

import json
from typing import Any

from backscroll.store.search import rows
from backscroll.store.search.index import owner_token
from backscroll.store.search.postgres_terms import hashed
from backscroll.store.search.postings import Page
from backscroll.store.search.texts import completion_text, item_text, message_text
from backscroll_tools.search.tokenizer import tokens
from tests.store.conftest import Sql

Contents = dict[tuple[int, int], tuple[int, frozenset[str | int]]]
"""For each owner and position: the number of words, and the tokens, or their hashes."""


async def indexed(sql: Sql, *, postgres: bool) -> Contents:
    """Return what the index holds; tokens without a row are at negative positions."""
    having: dict[int, set[str | int]] = {}
    if postgres:
        return await _indexed_postgres(sql)
    await sql(
        "CREATE VIRTUAL TABLE IF NOT EXISTS each_term USING fts5vocab(search_terms, instance)"
    )
    for term, row in await sql("SELECT term, doc FROM each_term"):
        having.setdefault(row, set()).add(term)
    contents: Contents = {}
    blocks = await sql("SELECT block, rows FROM search_rows ORDER BY block < 0, block")
    for block, stored in blocks:
        number = block if block >= 0 else max((full for full, _ in blocks), default=-1) + 1
        for at, row in enumerate(rows.unpacked(block, stored), number * rows.BLOCK + 1):
            if row.version:
                made = frozenset(having.pop(at, ()))
                contents[row.owner, row.position] = (row.length, made)
    return contents | {(0, -row): (0, frozenset(rest)) for row, rest in having.items()}


async def _indexed_postgres(sql: Sql) -> Contents:
    # The store may be erasing removed rows from the pages, so those are read last.
    removed = await sql("SELECT row, hash FROM search_removed")
    having: dict[int, set[str | int]] = {}
    for last, page in await sql("SELECT last, page FROM search_pages"):
        for hashed_token, members in Page(last, page).postings().items():
            for row in members:
                having.setdefault(row, set()).add(hashed_token)
    for row, hashed_token in removed:
        having.get(row, set()).discard(hashed_token)
    contents: Contents = {}
    for block, stored in await sql("SELECT block, rows FROM search_blocks"):
        for at, data in enumerate(rows.unpacked(block, stored), block * rows.BLOCK + 1):
            if data.version:
                made = frozenset(having.pop(at, ()))
                contents[data.owner, data.position] = (data.length, made)
    changed = await sql("SELECT owner, position, length, terms FROM search_rows")
    contents |= {(owner, at): (length, frozenset(made)) for owner, at, length, made in changed}
    return contents | {(0, -row): (0, frozenset(rest)) for row, rest in having.items() if rest}


async def scanned(sql: Sql, *, postgres: bool) -> Contents:
    """Return what the index should hold of what is in the tables now."""
    scopes: dict[str, int] = dict(await sql("SELECT partition, scope FROM search_scopes"))
    texts: list[tuple[str, int, int, str | None, str]] = []
    for partition, owner, position, about, role, content in await sql(
        "SELECT t.partition, m.thread * 4, m.position, CAST(t.metadata AS TEXT), m.role,"
        " CAST(m.content AS TEXT)"
        " FROM messages m JOIN threads t ON t.position = m.thread WHERE m.deleted_at IS NULL"
    ):
        texts.append((partition, owner, position, about, message_text(role, _json(content))))
    for partition, owner, position, about, body in await sql(
        "SELECT c.partition, i.conversation * 4 + 1, i.position, CAST(c.metadata AS TEXT),"
        " CAST(i.body AS TEXT)"
        " FROM items i JOIN conversations c ON c.position = i.conversation"
        " WHERE i.deleted_at IS NULL"
    ):
        texts.append((partition, owner, position, about, item_text(_json(body))))
    for partition, owner, position, about, body in await sql(
        "SELECT c.partition, m.completion * 4 + 2, m.position, CAST(c.metadata AS TEXT),"
        " CAST(m.body AS TEXT)"
        " FROM completion_messages m JOIN completions c ON c.position = m.completion"
    ):
        texts.append((partition, owner, position, about, completion_text(_json(body))))
    for partition, owner, position, about, body in await sql(
        "SELECT r.partition, i.response * 4 + 3, i.position, CAST(r.metadata AS TEXT),"
        " CAST(i.body AS TEXT)"
        " FROM response_items i JOIN responses r ON r.position = i.response"
    ):
        texts.append((partition, owner, position, about, item_text(_json(body))))
    found: Contents = {}
    for partition, owner, position, about, written in texts:
        title = (_json(about) or {}).get("title", "")
        is_first = position == (0 if owner % 4 == 2 else 1)
        text = f"{written}\n{title}" if title and is_first else written
        if text.strip():
            made = tokens(text)
            prefix = f"{scopes[partition]}\ue000" if partition else ""
            terms = [*(prefix + term for term in made.terms), owner_token(owner)]
            found[owner, position] = (made.length, frozenset(hashed(terms) if postgres else terms))
    return found


def _json(text: str | None) -> Any:  # noqa: ANN401 - JSON
    return None if text is None else json.loads(text)
