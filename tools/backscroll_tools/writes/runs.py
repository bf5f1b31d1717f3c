"""Starts a run exactly once, on an upstream that ignores idempotency keys.

A marker in the metadata identifies the run, like a message in `once`. Before a run is sent again,
we search the list of the thread's runs for the marker.
"""

from typing import Final

from backscroll_tools.client import requests, run_requests
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.collection import WritableCollection
from backscroll_tools.models import JSON
from backscroll_tools.object_kinds import RUN
from backscroll_tools.writes.once import OneWrite


def _listed(thread_id: str, window: Slice) -> Request:
    return RUN.listing(thread_id, window)


_RUNS: Final = WritableCollection(
    list_messages=_listed,
    describe=requests.retrieve_thread,
    start=requests.start_thread,
    create_message=run_requests.create_run,
    has_metadata=True,
)
"""The runs of a thread as a collection, so that `OneWrite` handles a run like a message."""


class OneRun(OneWrite):
    """One run to start. `message` is the body of the request, with fewer than 16 metadata pairs."""

    @property
    def _collection(self) -> WritableCollection:
        return _RUNS

    def _has_same_content(self, raw: JSON) -> bool:
        return bool(raw.get("assistant_id") == self.message["assistant_id"])
