"""Serves metrics for Prometheus at `/metrics`. They contain no ids, message text or callers."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from msgspec import Struct
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backscroll.http.auth.callers import Callers
from backscroll.http.refusals import RefusedError
from backscroll.mcp.request_context import Called
from backscroll.process.exits import CommandError
from backscroll.store.exposition import exposed

PATH: Final = "/metrics"

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
REQUESTS: Final = (0, 1, 2, 3, 5, 8, 13, 21, 34, 50)

_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable for the folder in which processes share prometheus_client's counts."""


@contextmanager
def shared() -> Iterator[None]:
    """Let the processes that are started in this context share their counts in temporary files.

    Raises:
        CommandError: no temporary folder can be created.
    """
    try:
        temporary = tempfile.TemporaryDirectory(prefix="backscroll-metrics-")
    except OSError:
        raise CommandError(
            "several workers share metrics through a temporary folder, which cannot be created: "
            "set TMPDIR to a writable folder, or set BACKSCROLL_HTTP_WORKERS=1"
        ) from None
    before = os.environ.get(_FOLDER)
    with temporary as folder:
        os.environ[_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[_FOLDER]
            if before is not None:
                os.environ[_FOLDER] = before


def forget(pid: int) -> None:
    """Remove the requests of a process that has ended from the count of requests in progress."""
    mark_process_dead(pid)  # type: ignore[no-untyped-call]  # the library is only partly typed


class CallMetrics:
    """The metrics of tool calls.

    Args:
        registry: the registry to which the metrics are added.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._calls = Counter(
            "backscroll_calls",
            "Tool calls, by tool and outcome.",
            ("tool", "outcome"),
            registry=registry,
        )
        self._seconds = Histogram(
            "backscroll_call_seconds",
            "Duration of tool calls in seconds.",
            ("tool",),
            buckets=SECONDS,
            registry=registry,
        )
        self._requests = Histogram(
            "backscroll_call_upstream_requests",
            "Requests to the upstream per tool call.",
            ("tool",),
            buckets=REQUESTS,
            registry=registry,
        )
        self._retries = Counter(
            "backscroll_upstream_retries",
            "Retried requests to the upstream.",
            registry=registry,
        )
        self._bytes = Counter(
            "backscroll_upstream_reply_bytes",
            "Bytes of the upstream's replies, decompressed.",
            registry=registry,
        )
        self._pages = Counter(
            "backscroll_pages",
            "Pages of results, by tool and by the reason why the page ended.",
            ("tool", "stopped_by"),
            registry=registry,
        )

    def count(self, called: Called) -> None:
        """Count a call that has ended."""
        tool = called.tool or "unknown"
        self._calls.labels(tool, called.outcome).inc()
        self._seconds.labels(tool).observe(called.seconds)
        self._requests.labels(tool).observe(called.tally.requests)
        self._retries.inc(called.tally.retries)
        self._bytes.inc(called.tally.bytes)
        if called.stopped_by:
            self._pages.labels(tool, called.stopped_by).inc()


class Metrics:
    """The metrics of requests, tool calls and the upstream.

    Args:
        alone: whether only this process serves requests. The metrics then include its CPU time and
            memory.
    """

    def __init__(self, *, alone: bool = True) -> None:
        self.registry = CollectorRegistry()
        self.shown = self.registry
        """The registry that `/metrics` shows. It has the counts of all processes."""
        if alone:
            ProcessCollector(registry=self.registry)
        else:
            self.shown = CollectorRegistry()
            MultiProcessCollector(self.shown)  # type: ignore[no-untyped-call]  # the library is only partly typed
        self.calls = CallMetrics(self.registry)
        self._responses = Counter(
            "backscroll_http_responses",
            "HTTP responses, by status.",
            ("status",),
            registry=self.registry,
        )
        self.in_progress = Gauge(
            "backscroll_requests_in_progress",
            "Requests in progress.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )

    def count_response(self, status: int) -> None:
        """Count a response."""
        self._responses.labels(str(status)).inc()


class CountedResponses:
    """ASGI middleware that counts responses."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count its response."""

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.count_response(message["status"])
            await send(message)

        await self._app(scope, receive, counted)


class MetricsEndpoint(Struct, frozen=True):
    """Serves the metrics, only to callers who may call the tools.

    Attributes:
        metrics: the metrics to serve.
        callers: identifies the caller of a request.
    """

    metrics: Metrics
    callers: Callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reply with the metrics in a format that the client accepts: Prometheus or OpenMetrics."""
        headers = Headers(scope=scope)
        try:
            await self.callers.caller(headers.get("authorization", ""))
        except RefusedError as refused:
            await refused.answer(scope, receive, send)
            return
        await exposed(self.metrics.shown, headers.get("accept", ""))(scope, receive, send)
