"""Reads the messages of rows, checks them against the query, and builds hits for a reply."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    Integer,
    Select,
    String,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    true,
)

from backscroll.database.json_text import dump_json
from backscroll.store.envelopes import JSON
from backscroll.store.search.entries import SOURCES, Source
from backscroll.store.search.rows import Row, is_postgres
from backscroll.store.search.texts import COMPLETION, KINDS, everything, has_title, role_and_texts
from backscroll_tools.search.titles import title_of, titled

if TYPE_CHECKING:
    from backscroll_tools.search.query import Query


_VALUE: Final = func.json_each(bindparam("wanted", type_=String())).table_valued(
    "value", name="wanted"
)
_UNNESTED: Final = (
    func.unnest(
        cast(bindparam("owners"), ARRAY(BigInteger)), cast(bindparam("positions"), ARRAY(Integer))
    )
    .table_valued("owner", "position")
    .render_derived(name="wanted")
)


def _of(source: Source, engine: str) -> Select[Any]:
    """Return a query for wanted messages, with their owners.

    The owners and positions of the wanted messages are parameters: a JSON text for SQLite, and two
    arrays for PostgreSQL. With a condition for each message, SQLAlchemy would take longer to
    compile the statement than the engine to run it.

    The query has no condition on the owner. With such a condition, SQLite would first read all
    owners of the partition.
    """
    owner = source.owners.c
    found = source.select(
        *(owner.partition, owner.deleted_at, owner.position, source.position),
        *(owner.id, owner.metadata, source.id, *source.content),
    )
    if engine == "sqlite":
        of, position = (func.json_extract(_VALUE.c.value, path) for path in ("$[0]", "$[1]"))
        return found.where(source.owner == of, source.position == position)
    found = found.where(source.owner == _UNNESTED.c.owner, source.position == _UNNESTED.c.position)
    # PostgreSQL plans a subquery with an OFFSET on its own. Otherwise, it would read all messages
    # of an owner if it has no statistics yet.
    each = found.offset(literal_column("0")).lateral("found")
    return select(each).select_from(_UNNESTED.join(each, true()))


_FIND: Final[Mapping[str, Mapping[int, Select[Any]]]] = {
    engine: {kind: _of(source, engine) for kind, source in SOURCES.items()}
    for engine in ("sqlite", "postgresql")
}


def read_hits(
    connection: Connection, partition: str | None, found: Mapping[int, Row]
) -> dict[int, JSON]:
    """Return the message of each row, by the row's number. Deleted messages are left out.

    If the partition is not None, messages of other partitions are left out too.

    A message has its ids, role, time, title and whole `text`. In addition, `indexed` is the text
    that the index has for the message: `text`, followed by the owner's title if the message is the
    owner's first.
    """
    hits: dict[int, JSON] = {}
    for kind, statement in _FIND[connection.dialect.name].items():
        rows = {
            (each.owner // KINDS, each.position): row
            for row, each in found.items()
            if each.owner % KINDS == kind
        }
        if not rows:
            continue
        owners, positions = zip(*rows, strict=True)
        wanted = (
            {"owners": owners, "positions": positions}
            if is_postgres(connection)
            else {"wanted": dump_json(list(rows))}
        )
        for (
            within,
            deleted,
            of,
            position,
            owner,
            metadata,
            identifier,
            *content,
        ) in connection.execute(statement, wanted):
            if partition not in {None, within} or deleted is not None:
                continue
            role, text, of_tools = role_and_texts(kind, *content)
            row = rows[of, position]
            if found[row].has_tools:
                text = everything(text, of_tools)
            hits[row] = {
                "id": f"{owner}-{identifier}" if kind == COMPLETION else identifier,
                "object": "search.hit",
                "thread_id": owner,
                "position": position,
                "title": title_of(metadata) or None,
                "role": role,
                "created_at": found[row].created_at,
                "text": text,
                "indexed": titled(text, title_of(metadata))
                if has_title(of * KINDS + kind, position)
                else text,
            }
    return hits


def matching(
    query: "Query", role: str | None, hit: JSON, *, by_meaning: bool = False
) -> set[str] | None:
    """Return which words of a query a message has; None if the message does not match.

    A message that was found by its meaning matches even if it has none of the words.

    The index cannot check literals, excluded words, and roles that share the number `OTHER_ROLE`.
    On PostgreSQL, two tokens may also have the same hash. So this function compares the message
    itself with the query.
    """
    from backscroll_tools.search.folding import fold
    from backscroll_tools.search.match import admitted
    from backscroll_tools.search.tokenizer import tokens

    if role is not None and hit["role"] != role:
        return None
    text = hit["indexed"]
    if (query.literals or query.excluded) and not admitted(query, fold(text)):
        return None
    found = set(tokens(text).terms)
    words = found.intersection(query.words)
    if not found.isdisjoint(query.excluded_words) or not (words or query.literals or by_meaning):
        return None
    return words


def shown(query: "Query", hit: JSON, chars: int, weights: Mapping[str, float]) -> JSON:
    """Return a hit in the format of a reply, with an excerpt in place of the text."""
    from backscroll_tools.search.excerpt import excerpt

    text = hit["text"]
    part = excerpt(text, query, chars, weights)
    return {name: value for name, value in hit.items() if name not in {"text", "indexed"}} | {
        "chars": len(text),
        "excerpt": {
            "text": part.text,
            "start": part.start,
            "spans": [list(each) for each in part.spans],
        },
    }
