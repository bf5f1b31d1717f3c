"""Keeps the roles and times of rows in memory.

Without them, a search for a role, a time or the newest hits would have to read the data of each
candidate, in thousands of compressed blocks. The roles and times in a full block never change,
except that rows are removed. So a process reads them only once. The process keeps one byte for each
row, and two numbers for each block. The first such search reads all blocks.
"""

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from itertools import compress, groupby
from operator import itemgetter
from threading import Lock
from typing import Final

from sqlalchemy import Connection

from backscroll.store.search import rows
from backscroll.store.search.rows import BLOCK

_EVER: Final = 1 << 62
_KEPT: Final = ("role", "created_at", "version")
_READ: Final = 1_000
"""How many blocks are read into memory at a time."""


class Outline:
    """The roles of all rows in full blocks, and the earliest and latest time in each block."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._roles = bytearray()
        self._earliest = array("q")
        self._latest = array("q")

    def admitted(
        self,
        connection: Connection,
        ids: Iterable[int],
        role: int | None,
        since: int | None,
        until: int | None,
    ) -> Iterator[int]:
        """Yield the rows that have this role, and a time in this period.

        Args:
            connection: a connection for reading.
            ids: the rows.
            role: the number of the role; None for all roles.
            since: the first second of the period, in Unix time; None if it has no start.
            until: the first second after the period, in Unix time; None if it has no end.
        """
        self._grow(connection)
        low, high = since or 0, _EVER if until is None else until
        unsure = []
        for block, members in _by_block(ids):
            if block >= len(self._latest):
                unsure += members
            elif self._latest[block] < low or self._earliest[block] >= high:
                continue
            else:
                own = [each for each in members if role in {None, self._roles[each - 1]}]
                if low <= self._earliest[block] and self._latest[block] < high:
                    yield from own
                else:
                    unsure += own
        for each, row in rows.read(connection, unsure).items():
            if role in {None, row.role} and low <= row.created_at < high:
                yield each

    def by_time(
        self, connection: Connection, ids: Collection[int], after: tuple[int, ...], *, newest: bool
    ) -> Iterator[tuple[int, int]]:
        """Yield the time and the number of each row, sorted by both. Only needed blocks are read.

        Args:
            connection: a connection for reading.
            ids: the rows.
            after: the time and the number of the previous page's last row; empty for the first
                page.
            newest: whether the newest row comes first.
        """
        self._grow(connection)
        sign = -1 if newest else 1
        start = tuple(sign * each for each in after)
        bounds = self._latest if newest else self._earliest
        ends = self._earliest if newest else self._latest
        # Another thread may be adding a block. `_append` extends `_latest` last, so all lists have
        # at least `known` blocks.
        known = len(self._latest)
        # An entry is a row or a block. A block is read when all rows before it have been yielded.
        waiting: list[tuple[int, int, int, list[int]]] = [
            (sign * bounds[block] if block < known else -_EVER, -_EVER, block, members)
            for block, members in _by_block(ids)
            if not start or block >= known or sign * ends[block] >= start[0]
        ]
        heapify(waiting)
        while waiting:
            at, number, _, members = heappop(waiting)
            if not members:
                yield sign * at, sign * number
                continue
            for each, row in rows.read(connection, members).items():
                key = (sign * row.created_at, sign * each)
                if not start or key > start:
                    heappush(waiting, (*key, 0, []))

    def _grow(self, connection: Connection) -> None:
        """Read the blocks that have become full since the last call."""
        # On PostgreSQL, the lock is held while other requests run in the same thread.
        if not self._lock.acquire(blocking=not rows.is_postgres(connection)):
            return
        try:
            while found := rows.full_blocks(connection, len(self._latest), _READ, _KEPT):
                for block, (roles, times, versions) in found:
                    # `rows.clear` deletes blocks, so `found` may omit block numbers.
                    while len(self._latest) < block:
                        self._append(bytes(BLOCK), [])
                    self._append(bytes(roles), list(compress(times, versions)))
        finally:
            self._lock.release()

    def _append(self, roles: bytes, times: Sequence[int]) -> None:
        self._roles += roles
        self._earliest.append(min(times, default=_EVER))
        self._latest.append(max(times, default=-1))


def _by_block(ids: Iterable[int]) -> Iterator[tuple[int, list[int]]]:
    numbered = (((each - 1) // BLOCK, each) for each in sorted(ids))
    for block, members in groupby(numbered, key=itemgetter(0)):
        yield block, [each for _, each in members]
