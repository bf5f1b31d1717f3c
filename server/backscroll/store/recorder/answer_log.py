"""Logs one line for each answer of a model, and counts it. Neither has any text of it."""

import json
import logging
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from backscroll.store.api_errors import ApiError
from backscroll.store.archive.storable import storable
from backscroll.store.recorder.assembling.assembly import Assembled
from backscroll.store.recorder.assembling.lenient_json import JSON
from backscroll.store.recorder.metrics import AnswerMetrics

Api: TypeAlias = Literal["completions", "responses"]

GONE: Final = "caller_disconnected"
"""The outcome if the caller disconnected."""

NOT_RECORDED: Final = "not_recorded"
"""The outcome if the database failed."""

_log: Final = logging.getLogger("backscroll.recorder")
_SHOWN: Final = 128
_MAX_TOKENS: Final = 2**53
"""The highest number of tokens that is believed. Metrics are floats, which are exact up to it."""

_TOKENS: Final = (
    ("input", ("prompt_tokens", "input_tokens")),
    ("output", ("completion_tokens", "output_tokens")),
)
"""What the fields of `usage` are called for each direction."""


class AnswerLog:
    """The answers of one recorder.

    Args:
        monotonic: the process's monotonic clock, in seconds.

    Attributes:
        metrics: counts them.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.metrics = AnswerMetrics()
        self._monotonic = monotonic

    def begin(self, api: Api) -> "Answering":
        """Return what logs the answer to a request that begins now."""
        return Answering(self.metrics, self._monotonic, api)


class Answering:
    """Logs and counts one answer, once.

    Args:
        metrics: counts it.
        monotonic: the process's monotonic clock, in seconds.
        api: the API of the request.
    """

    def __init__(self, metrics: AnswerMetrics, monotonic: Callable[[], float], api: Api) -> None:
        self._metrics = metrics
        self._monotonic = monotonic
        self._api = api
        self._begun = monotonic()
        self._is_logged = False

    def ended(self, assembled: Assembled, object_id: str | None, *, is_gone: bool) -> None:
        """Log an answer that came to its end, or to a part of it.

        Args:
            assembled: the answer.
            object_id: the id under which it was recorded; None if it was not.
            is_gone: whether the caller disconnected before the end.
        """
        outcome = GONE if is_gone else assembled.reason or "completed"
        self._write(outcome, object_id, assembled.object)

    def failed(self, outcome: str) -> None:
        """Log a request that got no answer, unless something was logged before.

        Args:
            outcome: why, as a code.
        """
        self._write(outcome, None, {})

    def _write(self, outcome: str, object_id: str | None, value: JSON) -> None:
        if self._is_logged:
            return
        self._is_logged = True
        seconds = self._monotonic() - self._begun
        fields: JSON = {"outcome": outcome, "ms": round(seconds * 1000, 1), "recorded": object_id}
        fields["api"] = self._api
        model, tokens = value.get("model"), _tokens(value.get("usage"))
        name = storable(model[:_SHOWN])[0] if isinstance(model, str) else ""
        if name:
            fields["model"] = name
        fields |= {f"{direction}_tokens": count for direction, count in tokens.items()}
        _log.info("%s", json.dumps(fields), extra={"fields": fields})
        self._metrics.count(self._api, name, outcome, seconds, tokens)


def code_of(error: ApiError) -> str:
    """Return the outcome of a request that got an error."""
    return error.code or f"status_{error.status}"


def _tokens(usage: object) -> dict[str, int]:
    """Return the number of tokens for each direction that is known."""
    if not isinstance(usage, dict):
        return {}
    found = {}
    for direction, theirs in _TOKENS:
        counts = (usage.get(each) for each in theirs)
        count = next((each for each in counts if isinstance(each, int)), None)
        if count is not None and 0 <= count <= _MAX_TOKENS:
            found[direction] = count
    return found
