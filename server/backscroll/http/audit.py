"""The audit log: who called which tool with which ids, and how it ended; never message text."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Final

from backscroll.http.auth.callers import Caller
from backscroll.mcp.request_context import Called
from backscroll.process.logs import FIELDS
from backscroll_tools.client.requests import ID

IDS: Final = ("thread_id", "message_id", "completion_id", "run_id", "after", "before")
"""The arguments that are ids. Cursors and idempotency keys are not logged."""

log: Final = logging.getLogger("backscroll.audit")


def recorder(caller: Caller, request_id: str) -> Callable[[Called], None]:
    """Return a function that logs each call of a caller as one JSON object on one line."""

    def record(called: Called) -> None:
        fields = {
            "caller": caller.name,
            "caller_id": caller.id,
            "tool": called.tool,
            **_ids({**called.arguments, **called.written_ids}),
            "outcome": called.outcome,
            "ms": round(called.seconds * 1000, 1),
            "request_id": request_id,
        }
        log.info("%s", json.dumps(fields), extra={FIELDS: fields})

    return record


def _ids(values: Mapping[str, object]) -> dict[str, str]:
    """Return the values that are ids; any other value may be message text."""
    return {
        name: value
        for name in IDS
        if isinstance(value := values.get(name), str) and ID.fullmatch(value)
    }
