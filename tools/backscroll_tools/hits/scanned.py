"""Builds a page of hits from an upstream that has no search, by reading its messages.

If hits are ordered by time, reading ends after enough hits. If hits are ordered by relevance, all
messages that the call's limits allow are read, and the hits among them are ranked together. The
cursor then continues with the other hits, and after the last of them with the next messages.
"""

from dataclasses import replace

from backscroll_tools.client.groups import LIST_THREADS
from backscroll_tools.client.profiles import Profile
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.hits.asked import QUERY_CUT, Asked
from backscroll_tools.hits.look import Looked, counted
from backscroll_tools.hits.page import BoundedHits
from backscroll_tools.hits.passages import Passage, Shown, joined, title_line
from backscroll_tools.hits.places import FIRSTS, Place, digest
from backscroll_tools.hits.scan import Scan
from backscroll_tools.models import StoppedBy
from backscroll_tools.search.ranking import Candidate, best, ranked, weight
from backscroll_tools.tool import Call, Result


async def scanned_page(call: Call, asked: Asked) -> Result:
    """Return a page of hits among the messages of one thread, or of all threads.

    Raises:
        ToolError: `invalid_arguments` if the call names no thread and the upstream cannot list
            threads; the upstream's failure or `deadline_exceeded`, if nothing was read yet.
    """
    profile = call.client.upstream.profile
    if not asked.thread_id and LIST_THREADS not in profile.serves:
        raise _needs_thread(profile)
    ranks = asked.order == "relevance" and not asked.query.only_common
    start = Place.read(asked.start.position)
    scan = Scan(call, asked, ranks, start)
    stopped_by = await scan.run()
    page = BoundedHits(asked, call.bounds)
    if ranks:
        position, stopped_by = _ranked(scan, page, start, stopped_by)
    else:
        position, stopped_by = _by_time(scan, page, stopped_by)
    shown = {each for passage in page.passages for each in passage.ids}
    return page.result(
        stopped_by=stopped_by,
        position=position,
        order="newest" if asked.order == "relevance" and not ranks else asked.order,
        matched=_matched(asked, [each for each in scan.looked if each.shown.id in shown]),
        scanned=len(scan.looked) - scan.beyond,
        warnings=((QUERY_CUT,) if asked.cut else ()) + tuple(scan.warnings),
        reachable=scan.reachable or position != scan.place.encoded(),
        ignores_after=scan.ignores_after,
    )


def _by_time(scan: Scan, page: BoundedHits, stopped_by: StoppedBy) -> tuple[str | None, StoppedBy]:
    """Add the hits in the order of reading.

    Return the position of the next page, or None if none follows, and why this page ends.
    """
    start = scan.asked.start.position
    passages = joined(_passage(scan, at) for at in scan.found)
    at_of = {(scan.looked[at].thread_id, scan.looked[at].shown.id): at for at in scan.found}
    position = start
    for passage in passages:
        last = max(at_of[passage.thread_id, each] for each in passage.ids)
        owner = "" if scan.asked.thread_id else passage.thread_id
        after = Place(owner, scan.looked[last].key).encoded()
        if not _takes(page, passage, after):
            return position, "size"
        position = after
    if stopped_by == "end":
        return None, "end"
    return scan.place.encoded(), stopped_by


def _ranked(
    scan: Scan, page: BoundedHits, start: Place, stopped_by: StoppedBy
) -> tuple[str | None, StoppedBy]:
    """Add the best hits that earlier pages have not shown. Return the same values as `_by_time`."""
    ids = [digest(each.shown.id) for each in scan.looked]
    firsts = start.firsts
    if not (start.thread_id or start.key or firsts):
        firsts = tuple(ids[:FIRSTS])
    oldest = next((at for at, each in enumerate(ids) if each in firsts), 0)
    shown = dict.fromkeys(start.shown)
    left = [at for at in _order(scan) if at >= oldest and ids[at] not in shown]
    wanted = left[: scan.asked.limit]
    again = replace(start, firsts=firsts, shown=tuple(shown))
    stopped: StoppedBy = "limit"
    for passage in joined(_passage(scan, at) for at in wanted):
        longer = dict.fromkeys((*shown, *map(digest, passage.ids)))
        after = replace(again, shown=tuple(longer))
        if not _takes(page, passage, after.encoded()):
            stopped = "size"
            break
        shown, again = longer, after
    if any(ids[at] not in shown for at in left):
        return again.encoded(), stopped
    if stopped_by == "end":
        return None, "end"
    return scan.place.encoded(), stopped_by


def _takes(page: BoundedHits, passage: Passage, position: str) -> bool:
    """Add a passage if it fits, and return whether it did.

    The first passage of a page is shortened if it does not fit.

    Raises:
        ToolError: `invalid_arguments` if not even the shortest form of the first passage fits.
    """
    if page.take(passage, position):
        return True
    if page.passages:
        return False
    if not page.take_all([passage], position):
        raise page.too_small()
    return True


def _order(scan: Scan) -> list[int]:
    """Return the indexes of the hits in `Scan.looked`, the best hit first."""
    query, looked = scan.asked.query, scan.looked
    having = counted(looked, len(query.terms))
    weights = [weight(len(looked), count) for count in having]
    mean = sum(each.length for each in looked) / max(len(looked), 1)
    # Messages are read from the newest to the oldest, and a newer message has a higher row.
    candidates = [
        Candidate(-at, looked[at].bits, looked[at].length, looked[at].thread_id)
        for at in scan.found
    ]
    order = best(candidates, weights, len(candidates))
    top = best(candidates, weights)
    rows = [-row for _, row in ranked(top, weights, mean)]
    rows += [-each.row for each in order[len(top) :]]
    return sorted(rows, key=lambda at: not looked[at].exact)


def _passage(scan: Scan, at: int) -> Passage:
    """Return a hit, together with those messages around it that were read."""
    looked, context = scan.looked, scan.asked.context
    each = looked[at]
    sign = 1 if scan.order == "asc" else -1

    def neighbours(step: int) -> list[Shown]:
        near: list[Shown] = []
        for other in range(at + step, at + step * (context + 1), step):
            if not 0 <= other < len(looked) or looked[other].thread_id != each.thread_id:
                break
            near.append(_as_context(looked[other], sign * other))
        return near

    before, after = neighbours(-sign)[::-1], neighbours(sign)
    hit = replace(each.shown, place=sign * at)
    return Passage(each.thread_id, title_line(each.title), (*before, hit, *after), len(before))


def _as_context(looked: Looked, place: int) -> Shown:
    shown = looked.shown
    return Shown(shown.id, shown.role, shown.text, place=place)


def _matched(asked: Asked, shown: list[Looked]) -> str:
    query = asked.query
    if query.literals:
        return "literal"
    if query.only_common:
        return "common words"
    every = (1 << len(query.terms)) - 1
    return "all words" if all(each.bits == every for each in shown) and shown else "any word"


def _needs_thread(profile: Profile) -> ToolError:
    return invalid_arguments(
        f"thread_id is required: the upstream {profile.name} has no search and cannot list its "
        "threads, so only one of them can be searched at a time.",
        "Call again with thread_id: the id of a thread, a conversation or a stored completion.",
    )
