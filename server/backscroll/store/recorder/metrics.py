"""Serves metrics of the recorded answers for Prometheus. They have no text, ids or callers."""

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.requests import Request
from starlette.responses import Response

from backscroll.store.exposition import exposed

PATH: Final = "/metrics"

_MODELS: Final = 100
"""How many models are named. Others are counted as `other`, because servers may take any name."""

_SECONDS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600, 3600)


class AnswerMetrics:
    """Counts the answers of one recorder."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._models: set[str] = set()
        self._answers = Counter(
            "backscroll_model_answers",
            "Answers of models, by API and outcome.",
            ("api", "model", "outcome"),
            registry=self._registry,
        )
        self._tokens = Counter(
            "backscroll_model_tokens",
            "Tokens that the model server says it has read and written.",
            ("model", "direction"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "backscroll_model_answer_seconds",
            "Duration of answers in seconds, from the request to the last event.",
            ("api", "model"),
            buckets=_SECONDS,
            registry=self._registry,
        )

    def count(
        self, api: str, model: str, outcome: str, seconds: float, tokens: dict[str, int]
    ) -> None:
        """Count an answer.

        Args:
            api: `completions` or `responses`.
            model: the model, as the model server names it; empty if it did not.
            outcome: `completed`, or why it is not complete.
            seconds: how long it took.
            tokens: the number of tokens for `input` and `output`, as far as they are known.
        """
        if model and len(self._models) < _MODELS:
            self._models.add(model)
        name = model if not model or model in self._models else "other"
        self._answers.labels(api, name, outcome).inc()
        self._seconds.labels(api, name).observe(seconds)
        for direction, count in tokens.items():
            self._tokens.labels(name, direction).inc(count)

    def show_running(self, count: Callable[[], int]) -> None:
        """Show how many responses run in the background, which `count` returns."""
        gauge = Gauge(
            "backscroll_background_responses",
            "Responses that run in the background.",
            registry=self._registry,
        )
        gauge.set_function(count)

    async def serve(self, request: Request) -> Response:
        """Reply with the metrics in a format that the client accepts: Prometheus or OpenMetrics."""
        return exposed(self._registry, request.headers.get("accept", ""))
