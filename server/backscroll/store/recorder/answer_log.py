"""Logs one line for each answer of a model, without any text of it."""

import json
import logging
from typing import TYPE_CHECKING, Final

from backscroll.store.recorder.assembly import Assembled

if TYPE_CHECKING:
    from backscroll.store.recorder.lenient_json import JSON

_log: Final = logging.getLogger("backscroll.recorder")
_SHOWN: Final = 128
_TOKENS: Final = (
    ("input_tokens", ("prompt_tokens", "input_tokens")),
    ("output_tokens", ("completion_tokens", "output_tokens")),
)
"""The names of the fields that are logged, and what the fields of `usage` are called."""


def log_answer(
    assembled: Assembled, seconds: float, object_id: str | None, *, is_gone: bool
) -> None:
    """Log an answer as one line of JSON.

    Args:
        assembled: the answer.
        seconds: how long it took.
        object_id: the id under which it was recorded; None if it was not.
        is_gone: whether the caller disconnected before the end.
    """
    outcome = "caller_disconnected" if is_gone else assembled.reason or "completed"
    fields: JSON = {"outcome": outcome, "ms": round(seconds * 1000, 1), "recorded": object_id}
    model, usage = assembled.object.get("model"), assembled.object.get("usage")
    if isinstance(model, str):
        fields["model"] = model[:_SHOWN]
    if isinstance(usage, dict):
        for name, theirs in _TOKENS:
            counts = (usage.get(each) for each in theirs)
            fields[name] = next((count for count in counts if isinstance(count, int)), None)
    _log.info("%s", json.dumps(fields), extra={"fields": fields})
