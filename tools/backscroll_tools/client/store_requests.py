"""Builds the requests that only the embedded store serves."""

from collections.abc import Sequence

from backscroll_tools.client.groups import SEARCH, THREADS
from backscroll_tools.client.requests import Request, Slice


def list_by_activity(window: Slice, at: str = "") -> Request:
    """List threads and conversations by last activity. Only the embedded store supports this.

    Args:
        window: the slice to list. Its filters may be `since` and `until`, in Unix seconds.
        at: the `cursor` of the only object to list; empty to list all objects.
    """
    only = (("at", at),) if at else ()
    query = (*window.query, ("sort", "activity"), ("include[]", "conversations"), *only)
    also = frozenset({"conversation"})
    return Request("GET", THREADS, THREADS.root, query, also_lists=also)


def search(query: Sequence[tuple[str, str]]) -> Request:
    """Find messages by their text. Only the embedded store supports this.

    Args:
        query: the query parameters, which docs/upstreams.md describes. One of them is `query`.
    """
    return Request("GET", SEARCH, SEARCH.root, tuple(query))
