"""Finds conversations in use. A search from their working directory leaves out their hits."""

import time

from sqlalchemy import Connection, select

from backscroll.database.schema import conversations
from backscroll.store.activity import US
from backscroll.store.envelopes import JSON
from backscroll.store.search.search_request import SearchRequest

_MOST = 256
"""The maximum number of conversations in use that are considered: the most recently active ones."""


def quiet(connection: Connection, partition: str, search: SearchRequest) -> frozenset[str]:
    """Return the ids of the conversations whose hits a search leaves out.

    Args:
        connection: a connection for reading.
        partition: the partition to search.
        search: the request, with the working directories and the time.
    """
    if not search.quiet_projects or not search.quiet_s or search.thread_id is not None:
        return frozenset()
    table = conversations.c
    since_us = int((time.time() - search.quiet_s) * US)
    statement = (
        select(table.id, table.metadata)
        .where(table.partition == partition, table.deleted_at.is_(None))
        .where(table.last_active_us >= since_us)
        .order_by(table.last_active_us.desc())
        .limit(_MOST)
    )
    rows = connection.execute(statement)
    return frozenset(row.id for row in rows if _project(row.metadata) in search.quiet_projects)


def _project(metadata: JSON | None) -> str:
    return str((metadata or {}).get("project", ""))
