"""Starts a run exactly once, on an upstream that ignores idempotency keys.

A run is recognised by a marker in its metadata, as a message is (`once`): before a run is sent
again, the list of the thread's runs is searched for the marker.
"""

from dataclasses import dataclass
from typing import Final

from backscroll_tools.client import requests, run_requests
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.collections import WritableCollection
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
"""The runs of a thread, in place of its messages."""


@dataclass(slots=True)
class OneRun(OneWrite):
    """One run to start. `message` is the body of the request, with fewer than 16 metadata pairs."""

    @property
    def _collection(self) -> WritableCollection:
        return _RUNS

    def _has_same_content(self, raw: JSON) -> bool:
        return bool(raw.get("assistant_id") == self.message["assistant_id"])
