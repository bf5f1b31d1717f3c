"""Builds a page of hits from an upstream that has no search, by reading its messages.

If hits are ordered by time, reading ends after enough hits. If the query has several words, only
messages with all words are hits. If no message with all words was read, messages with one of the
rarer words are hits.

If hits are ordered by relevance, all messages that the call's limits allow are read, and the hits
among them are ranked together. The cursor continues this ranking. After the last hit of the
ranking, it continues with messages that have not been read yet.
"""

from msgspec.structs import replace

from backscroll_tools.client.groups import CONVERSATIONS, LIST_CONVERSATIONS
from backscroll_tools.client.profiles import Profile
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.hits.everywhere import read_everywhere
from backscroll_tools.hits.page import BoundedHits
from backscroll_tools.hits.passages import Passage, Shown, joined, title_line
from backscroll_tools.hits.positions import FIRSTS, ScanPosition, digest
from backscroll_tools.hits.reader import ReadMessage, frequencies
from backscroll_tools.hits.scan import Scan
from backscroll_tools.hits.search import QUERY_CUT, Search
from backscroll_tools.models import StoppedBy
from backscroll_tools.search.ranking import BEST, Candidate, best, ranked, rarer, weight
from backscroll_tools.thread_lists import searched_lists
from backscroll_tools.tool import Call, Result


async def scanned_page(call: Call, search: Search) -> Result:
    """Return a page of hits among the messages of one thread, or of all threads.

    Raises:
        ToolError: `invalid_arguments` if the call names no thread and the upstream cannot list
            threads; the upstream's failure or `deadline_exceeded`, if nothing was read yet.
    """
    profile = call.client.upstream.profile
    if not search.thread_id and not searched_lists(profile):
        raise _needs_thread(profile)
    ranks = search.order == "relevance" and not search.query.only_common
    start = ScanPosition.read(search.start.position)
    scan = Scan(call, search, ranks, start)
    try:
        stopped_by = await (scan.run() if search.thread_id else read_everywhere(scan))
    except ToolError as error:
        others = CONVERSATIONS in profile.serves and LIST_CONVERSATIONS not in profile.serves
        if error.code == "upstream_retired" and others and not search.thread_id:
            raise _needs_thread(profile) from None  # conversations can be searched by their ids
        raise
    page = BoundedHits(search, call.bounds)
    if ranks:
        position, stopped_by = _ranked(scan, page, start, stopped_by)
    else:
        position, stopped_by = _by_time(scan, page, stopped_by)
    shown = {each for passage in page.passages for each in passage.ids}
    return page.result(
        stopped_by=stopped_by,
        position=position,
        order="newest" if search.order == "relevance" and not ranks else search.order,
        matched=_matched(search, [each for each in scan.messages if each.shown.id in shown]),
        scanned=len(scan.messages) - scan.beyond,
        warnings=((QUERY_CUT,) if search.cut else ()) + tuple(scan.warnings),
        reachable=scan.reachable or position != replace(scan.position, words=scan.words).encoded(),
        ignores_after=scan.ignores_after,
    )


def _by_time(scan: Scan, page: BoundedHits, stopped_by: StoppedBy) -> tuple[str | None, StoppedBy]:
    """Add the hits in the order of reading.

    Return the position of the next page (None if there is no next page), and why this page ends.
    """
    start = scan.search.start.position
    listed = _listed(scan)
    passages = joined(_passage(scan, at) for at in listed[: scan.search.limit])
    at_of = {(scan.messages[at].thread_id, scan.messages[at].shown.id): at for at in scan.found}
    position = start
    for passage in passages:
        last = max(at_of[passage.thread_id, each] for each in passage.ids)
        owner = "" if scan.search.thread_id else passage.thread_id
        after = ScanPosition(owner, scan.messages[last].key, words=scan.words).encoded()
        if not _takes(page, passage, after):
            return position, "size"
        position = after
    if len(listed) > scan.search.limit:
        return position, "limit"
    if stopped_by == "end":
        return None, "end"
    return replace(scan.position, words=scan.words).encoded(), stopped_by


def _listed(scan: Scan) -> list[int]:
    """Return the indexes of the hits to list in order of time, and set `scan.words`."""
    messages, found = scan.messages, scan.found
    if scan.selects and scan.words is None and found:
        if any(scan.lists(messages[at]) for at in found):
            scan.words = 0
        else:
            scan.words = _rarer(scan)
    return [at for at in found if scan.lists(messages[at])]


def _rarer(scan: Scan) -> int:
    """Return a bit mask of the query's rarer words, considering only words that occur in hits."""
    terms = len(scan.search.query.terms)
    having = frequencies(scan.messages, terms)
    weights = [weight(len(scan.messages), count) for count in having]
    occurring = frequencies((scan.messages[at] for at in scan.found), terms)
    return sum(1 << bit for bit in rarer([b for b in range(terms) if occurring[b]], weights))


def _ranked(
    scan: Scan, page: BoundedHits, start: ScanPosition, stopped_by: StoppedBy
) -> tuple[str | None, StoppedBy]:
    """Add the best hits that earlier pages have not shown. Return the same values as `_by_time`."""
    ids = [digest(each.shown.id) for each in scan.messages]
    firsts = start.firsts
    if not (start.thread_id or start.key or firsts):
        firsts = tuple(ids[:FIRSTS])
    first = next((at for at, each in enumerate(ids) if each in firsts), 0)
    shown = dict.fromkeys(start.shown)
    left = [at for at in _order(scan) if at >= first and ids[at] not in shown]
    wanted = left[: scan.search.limit]
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
    # An earlier page may have read more than this one, and may have shown hits that follow.
    read = set(ids)
    later = tuple(each for each in shown if each not in read)
    scan.position = replace(scan.position, shown=later)
    return scan.position.encoded(), stopped_by


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
    """Return the indexes of the hits in `Scan.messages`, the best hit first."""
    query, messages = scan.search.query, scan.messages
    having = frequencies(messages, len(query.terms))
    weights = [weight(len(messages), count) for count in having]
    mean = sum(each.length for each in messages) / max(len(messages), 1)
    # `Candidate.row` must be higher for newer messages. In `messages`, the newest message is first,
    # so the row is the negative index.
    candidates = [
        Candidate(-at, messages[at].bits, messages[at].length, messages[at].thread_id)
        for at in scan.found
    ]
    order = best(candidates, weights, len(candidates))
    rows = [-row for _, row in ranked(order[:BEST], weights, mean)]
    rows += [-each.row for each in order[BEST:]]
    return sorted(rows, key=lambda at: not messages[at].exact)


def _passage(scan: Scan, at: int) -> Passage:
    """Return a hit, together with those messages around it that were read."""
    messages, context = scan.messages, scan.search.context
    each = messages[at]
    sign = 1 if scan.order == "asc" else -1

    def neighbours(step: int) -> list[Shown]:
        near: list[Shown] = []
        for other in range(at + step, at + step * (context + 1), step):
            if not 0 <= other < len(messages) or messages[other].thread_id != each.thread_id:
                break
            near.append(_as_context(messages[other], sign * other))
        return near

    before, after = neighbours(-sign)[::-1], neighbours(sign)
    hit = replace(each.shown, position=sign * at)
    return Passage(each.thread_id, title_line(each.title), (*before, hit, *after), len(before))


def _as_context(message: ReadMessage, position: int) -> Shown:
    shown = message.shown
    return Shown(shown.id, shown.role, shown.text, position=position)


def _matched(search: Search, shown: list[ReadMessage]) -> str:
    query = search.query
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
        "Call again with thread_id: the id of a thread, conversation, completion, response or "
        "interaction.",
    )
