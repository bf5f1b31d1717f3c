"""Finds the rows that may be hits. Only the index is read, not the texts.

A search looks up the words of its literals (quoted texts) first, and then its other words, the
rarest first. It stops before the rows of all look-ups together exceed `Bounds.budget`. So the time
is bounded in a store of any size, and rows that have only common words are left out.

If the rows of the first look-up alone exceed the budget, the search reads rows in the order of
their numbers instead. It starts with the newest row, or with the oldest if the order is `oldest`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import Struct
from sqlalchemy import Connection

from backscroll.store.search import rows, terms
from backscroll.store.search.limits import Limits
from backscroll.store.search.outline import Outline
from backscroll.store.search.rows import Row
from backscroll.store.search.scopes import scoped
from backscroll.store.search.search_request import SearchRequest
from backscroll.store.search.texts import role_number


class Group(NamedTuple):
    """Words that are looked up together: all words of the literals, or one word outside them.

    Attributes:
        words: the tokens. A row must have all of them.
        bits: the bits of these words in a candidate's bit mask.
    """

    words: tuple[str, ...]
    bits: int


class CommonWords:
    """Words that earlier searches of this process found in more rows than the budget.

    They are not looked up again, because each look-up reads more rows than the budget.
    """

    MOST: Final = 10_000

    def __init__(self) -> None:
        self._known: set[tuple[int, tuple[str, ...]]] = set()

    def has(self, limits: Limits, group: Group) -> bool:
        """Whether an earlier search of the whole partition found these words too common."""
        return limits.owner is None and (limits.scope, group.words) in self._known

    def add(self, limits: Limits, group: Group) -> None:
        """Remember that the words of a group are too common."""
        if limits.owner is None:
            if len(self._known) >= self.MOST:
                self._known.clear()
            self._known.add((limits.scope, group.words))


class Found(Struct, frozen=True):
    """The rows of each group of words that was looked up.

    Attributes:
        having: for each group of the search, how many rows have its words, counted up to the budget
            plus 1. If all words of the query are stop words, 0.
        rows: the rows of each group that was looked up, by the index of the group.
    """

    having: tuple[int, ...]
    rows: Mapping[int, Sequence[int]]


def groups(search: SearchRequest) -> list[Group]:
    """Return the groups of words that a search looks up; the group of the literals comes first."""
    query = search.query
    places = {term: place for place, term in enumerate(query.terms)}
    required = query.required
    found = [Group((word,), 1 << places[word]) for word in query.words if word not in required]
    if required:
        found.insert(0, Group(required, sum(1 << places[word] for word in required)))
    return found


def look_up(
    connection: Connection,
    search: SearchRequest,
    limits: Limits,
    found: Sequence[Group],
    common: CommonWords,
) -> Found:
    """Return the rows of the rarest groups, within the budget. This is for the first page."""
    if search.query.only_common:
        return Found(tuple(0 for _ in found), {})
    bounds = limits.bounds
    of: dict[int, list[int]] = {}
    places = [place for place, group in enumerate(found) if not common.has(limits, group)]
    # On PostgreSQL, a statement costs more than reading all rows within the budget.
    first = () if rows.is_postgres(connection) else (bounds.few,)
    for most in (*first, bounds.budget + 1):
        read = _rows(connection, limits, [found[place] for place in places], most)
        of |= {place: ids for place, ids in zip(places, read, strict=True) if len(ids) < most}
        places = [place for place in places if place not in of]
    for place in places:
        common.add(limits, found[place])
    having = tuple(len(of.get(place, range(bounds.budget + 1))) for place in range(len(found)))
    return Found(having, {place: of[place] for place in chosen(search, having, bounds.budget)})


def look_up_again(
    connection: Connection,
    search: SearchRequest,
    limits: Limits,
    found: Sequence[Group],
    having: tuple[int, ...],
) -> Found:
    """Return the rows of the groups that were chosen for the first page."""
    budget = limits.bounds.budget
    places = [] if search.query.only_common else chosen(search, having, budget)
    read = _rows(connection, limits, [found[place] for place in places], budget)
    return Found(having, dict(zip(places, read, strict=True)))


def chosen(search: SearchRequest, having: Sequence[int], budget: int) -> list[int]:
    """Return the indexes of the groups to look up: the literals' group, then the rarest words.

    The rows of these groups together stay within the budget. The list is empty if the rows of the
    first group alone exceed the budget, or if there are no groups.
    """
    required = bool(search.query.required)
    by_rarity = sorted(range(len(having)), key=lambda place: (having[place], place))
    if required:
        by_rarity.remove(0)
        by_rarity.insert(0, 0)
    taken: list[int] = []
    left = budget
    for place in by_rarity:
        left -= having[place]
        if left < 0:
            break
        taken.append(place)
    return taken


def bits_by_row(
    search: SearchRequest, groups_found: Sequence[Group], found: Found
) -> dict[int, int]:
    """Return the bit mask of each row that has any of the words and all words of the literals."""
    bits: dict[int, int] = {}
    places = sorted(found.rows)
    for place in places:
        own = groups_found[place].bits
        if search.query.required and place:
            bits |= {row: bits[row] | own for row in found.rows[place] if row in bits}
        elif not bits:
            bits = dict.fromkeys(found.rows[place], own)
        else:
            get = bits.get
            for row in found.rows[place]:
                bits[row] = get(row, 0) | own
    return bits


def admitted(
    connection: Connection, search: SearchRequest, ids: Iterable[int], outline: Outline
) -> set[int]:
    """Return the rows whose role and time the search allows."""
    role = None if search.role is None else role_number(search.role)
    return set(outline.admitted(connection, ids, role, search.since, search.until))


def fits(search: SearchRequest, data: Row) -> bool:
    """Whether the search allows the role and the time of a row."""
    role, since, until = search.role, search.since, search.until
    return (
        (role is None or data.role == role_number(role))
        and (since is None or data.created_at >= since)
        and (until is None or data.created_at < until)
    )


def streamed(
    connection: Connection,
    search: SearchRequest,
    limits: Limits,
    found: Sequence[Group],
    after: int | None,
) -> tuple[list[int], int | None]:
    """Return the next rows that have the words, in the order of the rows' numbers.

    If the query has literals, a row must have all words of the literals. Otherwise, a row must have
    at least one word of the query.

    Args:
        connection: a connection for reading.
        search: the search. The order `oldest` starts with the least number, and every other order
            with the greatest.
        limits: the rows that the search considers.
        found: the groups of words. If there are none, every row is a candidate.
        after: the last row that the previous step has read; None for the first step.

    Returns:
        The rows, and the number of the last row that was read, or None if no more rows follow.
    """
    oldest, most = search.order == "oldest", limits.bounds.scan
    low, high = limits.between
    if after is not None:
        low, high = (after + 1, high) if oldest else (low, after - 1)
    if found:
        required = search.query.required
        words = required or [word for group in found for word in group.words]
        read = terms.having(
            connection,
            scoped(limits.scope, words),
            "all" if required else "any",
            (low, high),
            most,
            "oldest" if oldest else "newest",
            limits.also,
        )
    elif limits.owner is not None:
        order: terms.Order = "oldest" if oldest else "newest"
        read = terms.having(connection, limits.also, "all", (low, high), most, order)
    elif limits.scope < 0:
        read = []
    else:
        read = list(range(low, high + 1)[:most] if oldest else range(high, low - 1, -1)[:most])
    last = read[-1] if len(read) == most else None
    data = rows.read(connection, read)
    kept = (row for row in read if row in data and data[row].scope == limits.scope)
    return [row for row in kept if fits(search, data[row])], last


def _rows(
    connection: Connection, limits: Limits, found: Sequence[Group], most: int
) -> Iterable[list[int]]:
    wanted = [scoped(limits.scope, group.words) for group in found]
    return terms.look_up(connection, wanted, limits.between, most, limits.also) if wanted else []
