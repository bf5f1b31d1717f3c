"""Reads the messages of all threads and responses of an upstream that has no search."""

from collections.abc import Callable, Mapping

import anyio

from backscroll_tools.client import requests, response_requests
from backscroll_tools.client.groups import LIST_RESPONSES, LIST_THREADS
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.replies import Reply
from backscroll_tools.client.requests import Slice
from backscroll_tools.collections import RESPONSE, any_collection_of
from backscroll_tools.errors import ToolError
from backscroll_tools.hits.positions import ScanPosition
from backscroll_tools.hits.scan import Scan
from backscroll_tools.models import StoppedBy
from backscroll_tools.pages.stop import EMPTY, STUCK
from backscroll_tools.pages.walk import too_late
from backscroll_tools.search.titles import title_of


async def read_everywhere(scan: Scan) -> StoppedBy:
    """Read the messages of one thread after another, then those of the responses.

    Return why the scan ends.
    """
    first = scan.position
    profile = scan.call.client.upstream.profile
    if first.thread_id and not first.passed:
        stopped_by = await _next_thread(scan, first.thread_id, None, first.key)
        if stopped_by is not None:
            return stopped_by
    in_responses = any_collection_of(profile, first.thread_id) is RESPONSE
    after = first.thread_id
    if LIST_THREADS in profile.serves and not in_responses:
        stopped_by = await _all_of(scan, requests.list_threads, after)
        if stopped_by != "end":
            return stopped_by
        after = ""
    if LIST_RESPONSES in profile.serves:
        return await _all_of(scan, response_requests.list_responses, after)
    return "end"


async def _all_of(
    scan: Scan, listing: Callable[[Slice], requests.Request], after: str
) -> StoppedBy:
    """Read the messages of all threads, or of all responses. Return why the scan ends.

    Args:
        listing: builds the request for a slice of the list of threads or responses.
        after: the id of the thread or response after which to start; empty for the start of the
            list.
    """
    seen = {after}
    while not scan.is_full:
        reply = await _threads(scan, listing, after)
        if not isinstance(reply, Reply):
            return reply
        fresh = {
            raw["id"]: title_of(raw.get("metadata")) for raw in reply.items if raw["id"] not in seen
        }
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
        after = scan.position.thread_id
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


async def _threads(
    scan: Scan, listing: Callable[[Slice], requests.Request], after: str
) -> Reply | StoppedBy:
    """Return a page of the list of threads or responses, or why it cannot be read.

    Args:
        listing: builds the request for a slice of the list.
        after: the id of the thread or response after which the page starts; empty for the first
            page.
    """
    window = Slice(PAGE_ITEMS, scan.order, after)
    try:
        with anyio.CancelScope(deadline=scan.call.ends_at):
            return await scan.call.client.page(listing(window).abridged())
    except ToolError as error:
        is_other = listing is response_requests.list_responses and len(scan.messages) > 0
        if error.code == "upstream_retired" and is_other:
            return "end"  # the upstream lists threads, but no responses
        return scan.failed(error)
    return scan.failed(too_late())
