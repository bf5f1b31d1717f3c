"""Reads the messages of all threads, sessions and responses of an upstream that has no search."""

from collections.abc import Mapping

import anyio

from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.replies import Reply
from backscroll_tools.errors import ToolError
from backscroll_tools.hits.positions import ScanPosition
from backscroll_tools.hits.scan import Scan
from backscroll_tools.lookup import last_of
from backscroll_tools.models import StoppedBy
from backscroll_tools.pages.stop import EMPTY, STUCK
from backscroll_tools.pages.walk import too_late
from backscroll_tools.places import page_after
from backscroll_tools.search.titles import thread_title
from backscroll_tools.thread_lists import ThreadList, list_of, searched_lists


async def read_everywhere(scan: Scan) -> StoppedBy:
    """Read the messages of each thread of one list after another. Return why the scan ends.

    The list of responses is the last one, so that the threads are read first. A list that the
    upstream lacks is left out.

    Raises:
        ToolError: the failure of the first request; `upstream_retired` if the upstream lacks all
            lists.
    """
    first = scan.position
    if first.thread_id and not first.passed:
        stopped_by = await _next_thread(scan, first.thread_id, None, first.key)
        if stopped_by is not None:
            return stopped_by
    lists = searched_lists(scan.call.client.upstream.profile)
    after, lacks = first.thread_id, list[ToolError]()
    for each in lists[list_of(lists, after) :]:
        try:
            stopped_by = await _all_of(scan, each, after)
        except ToolError as error:
            if error.code != "upstream_retired":
                raise
            lacks.append(error)
        else:
            if stopped_by != "end":
                return stopped_by
        after = ""
    if len(lacks) == len(lists):
        raise lacks[0]
    return "end"


async def _all_of(scan: Scan, threads: ThreadList, after: str) -> StoppedBy:
    """Read the messages of all threads of a list after one, and return why the scan ends.

    Args:
        scan: the scan.
        threads: the list of threads, sessions or responses.
        after: the id of the thread, session or response after which to start; empty for the start
            of the list.
    """
    seen, key = {after}, after
    while not scan.is_full:
        reply = await _page(scan, threads, key)
        if not isinstance(reply, Reply):
            return reply
        fresh = {raw["id"]: thread_title(raw) for raw in reply.items if raw["id"] not in seen}
        seen |= fresh.keys()
        stopped_by = await _listed(scan, fresh)
        if stopped_by is not None:
            return stopped_by
        if reply.has_more is False or not reply.items:
            scan.warnings |= {EMPTY: None} if reply.has_more else {}
            return "end"
        if not fresh:
            scan.warnings[STUCK] = None
            scan.reachable = False
            return "requests"
        key = last_of(reply, key)
    return "limit"


async def _listed(scan: Scan, titles: Mapping[str, str]) -> StoppedBy | None:
    """Read the messages of threads. Return why the scan ends, or None if it goes on.

    Args:
        titles: the titles of the threads, by id.
    """
    for thread_id, title in titles.items():
        if scan.is_full:
            return "limit"
        stopped_by = await _next_thread(scan, thread_id, title, "")
        if stopped_by is not None:
            return stopped_by
    return None


async def _next_thread(scan: Scan, thread_id: str, title: str | None, key: str) -> StoppedBy | None:
    """Read the messages of a thread. Return why the scan ends, or None if it goes on."""
    try:
        stop = await scan.read(thread_id, title, key)
    except ToolError as error:
        if error.code != "not_found":  # else the thread was deleted after it was listed
            return scan.failed(error)
    else:
        if scan.is_full and (stop.by != "end" or scan.beyond):
            return "limit"
        if stop.by != "end" and stop.reachable:
            return stop.by
    scan.position = ScanPosition(thread_id, passed=True)
    return None


async def _page(scan: Scan, threads: ThreadList, after: str) -> Reply | StoppedBy:
    """Return a page of a list of threads, or why it cannot be read.

    Args:
        scan: the scan.
        threads: the list.
        after: the key or id of the item after which the page starts; empty for the first page.

    Raises:
        ToolError: `upstream_retired` if the upstream lacks the list; another failure if no message
            has been read yet.
    """
    client = scan.call.client
    try:
        with anyio.CancelScope(deadline=scan.call.ends_at):
            return await page_after(
                client,
                lambda window: threads.listing(window).abridged(),
                scan.order,
                after,
                PAGE_ITEMS,
            )
    except ToolError as error:
        if error.code == "upstream_retired":
            raise
        return scan.failed(error)
    return scan.failed(too_late())
