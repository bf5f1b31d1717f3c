"""Builds the requests that start and cancel runs."""

from backscroll_tools.client.groups import RUNS
from backscroll_tools.client.requests import Request, segment
from backscroll_tools.models import JSON


def create_run(thread_id: str, run: JSON, idempotency_key: str) -> Request:
    """Start a run in a thread."""
    return Request("POST", RUNS, _runs(thread_id), (), run, idempotency_key)


def cancel_run(thread_id: str, run_id: str) -> Request:
    """Cancel a run."""
    path = f"{_runs(thread_id)}/{segment(run_id, 'run_id')}/cancel"
    return Request("POST", RUNS, path, idempotent=True)


def _runs(thread_id: str) -> str:
    return f"{RUNS.root}/{segment(thread_id, 'thread_id')}/runs"
