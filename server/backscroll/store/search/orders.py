"""The orders of hits. An order yields rows, each with the cursor of a page that begins after it.

The weight of a row is the total weight of the query's words that it has. The order `relevance`
takes rows in batches: the 200 rows with the greatest weight, then the 200 rows with the next lower
weights, and so on. `backscroll_tools.search.ranking` sorts each batch. The score of a row depends
on all rows of its batch, so the score may change if a row is deleted. Therefore a cursor contains
the two sort keys between which the batch lies, and the rows of the batch that were already shown.
So each row is yielded only once. The first batch also has the rows that are similar to the query
but have none of its words.

The orders `newest` and `oldest` sort by time. `LEVELS` divides rows by the words that they have,
and a list has only the rows of one level. So many rows with a common word do not hide the few rows
with a rare word. A cursor contains the level, so all pages of a list have the same level.

If all words of a query are too common, each order sorts rows by their numbers: `oldest` from the
oldest row on, `relevance` and `newest` from the newest row on.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from heapq import nlargest
from typing import Final, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace
from sqlalchemy import Connection

from backscroll.store.search import rows
from backscroll.store.search.candidates import Found, Group, admitted, bits_by_row, streamed
from backscroll.store.search.hits import read_hits
from backscroll.store.search.limits import Limits
from backscroll.store.search.outline import Outline
from backscroll.store.search.search_cursor import Cursor, invalid_cursor
from backscroll.store.search.search_request import SearchRequest
from backscroll.store.search.vectors import Near

Step: TypeAlias = tuple[int | None, Cursor]
"""A row, and the cursor of a page that starts after the row. If the row is None, the maximum number
of rows was read for the current page, so the page must end, and the next page has this cursor."""

_Key: TypeAlias = tuple[int, ...]
"""The weight and the number of a row. Candidates are sorted by both."""

LEVELS: Final = (0, 1, 2)
"""The levels of the orders `newest` and `oldest`. They depend only on the words of the query that
were looked up. Rows of level 0 have all of these words. Rows of level 1 have at least one of the
rarer words (`ranking.rarer`). Rows of level 2 have at least one of the words. The first level with
a hit is used. A query with one word or with a literal has only level 2."""

BATCH: Final = 200
_FIRST: Final = (1 << 53, 0)
"""A key that is greater than the key of any candidate."""
_LAST: Final = (0, 0)
_WEIGHT: Final = 1_000_000
"""Weights are multiplied by this number and rounded, because a cursor stores only integers."""


class Lookup(Struct, frozen=True):
    """A search whose words have been looked up.

    Attributes:
        connection: a connection for reading.
        partition: the name of the partition to search.
        search: the request.
        limits: the rows that the search considers.
        groups: the query's words; the words of a group are looked up together.
        weights: the weight of each group.
        found: the rows of the groups that were looked up. If all words are too common, no group was
            looked up, and `candidates.streamed` finds the rows.
        outline: the roles and times of rows that this process keeps in memory.
        near: the rows that are similar to the query; None if meanings are not compared.
        known: the data of rows that were read to rank them.
    """

    connection: Connection
    partition: str
    search: SearchRequest
    limits: Limits
    groups: tuple[Group, ...]
    weights: tuple[float, ...]
    found: Found
    outline: Outline
    near: Near | None = None
    known: dict[int, rows.Row] = field(default_factory=dict)

    def read(self, ids: Iterable[int]) -> dict[int, rows.Row]:
        """Return rows by number, as `rows.read` does. Rows that are known are not read again."""
        wanted = set(ids)
        unknown = wanted - self.known.keys()
        read = rows.read(self.connection, unknown) if unknown else {}
        return read | {row: self.known[row] for row in wanted - unknown}


def orders(lookup: Lookup, cursor: Cursor) -> Iterator[Iterator[Step]]:
    """Yield iterators over the rows after a cursor, in the order that the search asks for.

    For the first page of a list that is sorted by time, there is one iterator for each level of the
    search. The caller uses an iterator only if the iterators before it had no hit. In all other
    cases, there is a single iterator.

    Raises:
        ApiError: 400 if the cursor belongs to another order.
    """
    ranks = bool(lookup.found.rows) and lookup.search.order == "relevance"
    lengths = {0, 4} if ranks else {0, 3} if lookup.found.rows else {0, 1}
    if len(cursor.at) not in lengths:
        raise invalid_cursor()
    if not lookup.found.rows:
        yield _streamed(lookup, cursor)
        return
    bits = bits_by_row(lookup.search, lookup.groups, lookup.found)
    search = lookup.search
    if search.role is not None or search.since is not None or search.until is not None:
        kept = admitted(lookup.connection, search, bits, lookup.outline)
        bits = {row: bits[row] for row in kept}
    if ranks:
        yield _ranked(lookup, bits, cursor)
        return
    single = len(lookup.groups) == 1 or bool(search.query.literals)
    for level in cursor.at[:1] or (LEVELS[-1:] if single else LEVELS):
        yield _timed(lookup, _of_level(lookup, bits, level), level, cursor)


def _of_level(lookup: Lookup, bits: dict[int, int], level: int) -> dict[int, int]:
    """Return the rows of a level of `LEVELS`."""
    looked_up = {place: lookup.groups[place].bits for place in lookup.found.rows}
    if level == LEVELS[0]:
        every = sum(looked_up.values())
        return {row: own for row, own in bits.items() if own == every}
    if level == LEVELS[1]:
        from backscroll_tools.search.ranking import rarer

        found = [place for place in looked_up if lookup.found.having[place]]
        rare = rarer(found, lookup.weights)
        mask = sum(looked_up[place] for place in rare)
        return {row: own for row, own in bits.items() if own & mask}
    return bits


def _ranked(lookup: Lookup, bits: dict[int, int], cursor: Cursor) -> Iterator[Step]:
    counts = Counter(bits.values())
    totals = _totals(lookup, set(counts))
    first, end = cursor.at[:2] or _FIRST, cursor.at[2:]
    while True:
        taken = _heaviest(counts, totals, first, end)
        keys = ((totals[own], row) for row, own in bits.items() if own in taken)
        batch = nlargest(BATCH, (key for key in keys if end <= key < first))
        similar = lookup.near.rows.difference(bits) if lookup.near and first == _FIRST else ()
        if not (batch or similar or end):
            return
        end = end or (batch[-1] if batch else _LAST)
        shown = cursor.shown
        data = lookup.read([*similar, *(row for _, row in batch)])
        lookup.known.update(data)
        for row in _order(lookup, bits, data, cursor):
            if row not in cursor.shown:
                shown = (*shown, row)
                yield row, replace(cursor, at=(*first, *end), shown=shown)
        cursor = replace(cursor, at=end, shown=())
        first, end = end, ()


def _heaviest(
    counts: Mapping[int, int], totals: Mapping[int, int], first: _Key, end: _Key | tuple[()]
) -> set[int]:
    """Return the combinations of words that rows of the batch may have, as bit masks.

    Args:
        counts: how many rows have each combination.
        totals: the weight of each combination.
        first: the key that the batch starts after.
        end: the last key of the batch; empty if it is not known yet.
    """
    taken: set[int] = set()
    count, least = 0, first[0]
    for own in sorted(counts, key=lambda each: -totals[each]):
        if totals[own] > first[0]:
            continue
        if (end and totals[own] < end[0]) or (count >= BATCH and totals[own] < least):
            break
        taken.add(own)
        least = totals[own]
        # Earlier batches had some of the rows whose weight is that of `first`. It is not known how
        # many of these rows are left, so none of them is counted.
        count += counts[own] if totals[own] < first[0] else 0
    return taken


def _totals(lookup: Lookup, patterns: set[int]) -> dict[int, int]:
    """Return the total weight of each combination of words."""
    looked_up = [(lookup.groups[each].bits, lookup.weights[each]) for each in lookup.found.rows]
    return {
        pattern: round(_WEIGHT * sum(weight for own, weight in looked_up if pattern & own == own))
        for pattern in patterns
    }


def _order(
    lookup: Lookup, bits: dict[int, int], data: dict[int, rows.Row], cursor: Cursor
) -> list[int]:
    from backscroll_tools.search.folding import fold
    from backscroll_tools.search.ranking import Candidate, ranked

    query = lookup.search.query
    by_bit = [0.0] * len(query.terms)
    for place in lookup.found.rows:
        group = lookup.groups[place]
        own = [bit for bit in range(len(by_bit)) if group.bits >> bit & 1]
        for bit in own:
            by_bit[bit] = lookup.weights[place] / len(own)
    candidates: list[Candidate] = [
        Candidate(row, bits.get(row, 0), each.length, each.owner) for row, each in data.items()
    ]
    meanings = lookup.near.scores(lookup.connection, data) if lookup.near else None
    order = [row for _, row in ranked(candidates, by_bit, cursor.mean_length / 100, meanings)]
    if query.identifiers:
        texts = read_hits(lookup.connection, lookup.partition, data)
        folded = {row: fold(hit["text"]) for row, hit in texts.items()}
        order.sort(
            key=lambda row: not any(each.occurs(folded.get(row, "")) for each in query.identifiers)
        )
    return order


def _timed(lookup: Lookup, bits: dict[int, int], level: int, cursor: Cursor) -> Iterator[Step]:
    after = cursor.at[1:]
    newest = lookup.search.order == "newest"
    keys = lookup.outline.by_time(lookup.connection, bits, after, newest=newest)
    for key in keys:
        yield key[1], replace(cursor, at=(level, *key))


def _streamed(lookup: Lookup, cursor: Cursor) -> Iterator[Step]:
    last = cursor.at[0] if cursor.at else None
    bounds = lookup.limits.bounds
    for _ in range(0, bounds.budget, bounds.scan):
        found, last = streamed(lookup.connection, lookup.search, lookup.limits, lookup.groups, last)
        for row in found:
            yield row, replace(cursor, at=(row,))
        if last is None:
            return
        cursor = replace(cursor, at=(last,))
    yield None, cursor
