"""Gives each partition a number, called scope.

In the index, each token begins with the scope of its partition, except in the default partition.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, func, insert, select

from backscroll.database.locks import take_turns
from backscroll.database.search_schema import search_scopes

_SEPARATOR: Final = "\ue000"
"""Separates the number of a scope from a token. This character is neither a letter nor a symbol, so
no token of a text has it."""

_scope: Final = select(search_scopes.c.scope).where(
    search_scopes.c.partition == bindparam("partition")
)
_next_scope: Final = select(func.coalesce(func.max(search_scopes.c.scope), 0) + 1)


def scope_of(connection: Connection, partition: str, *, create: bool = False) -> int | None:
    """Return a partition's number, called scope: 0 for the default partition, None if it has none.

    Args:
        connection: a connection; in a write transaction if `create` is True.
        partition: the name of the partition.
        create: whether to give the partition a number if it has none.
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
    """Return tokens as the index stores them: prefixed with the scope, unless the scope is 0."""
    return tokens if scope == 0 else [f"{scope}{_SEPARATOR}{token}" for token in tokens]
