"""The audit log: the caller, tool, ids and outcome of each call, but no message text."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Final

from backscroll.http.auth.callers import Caller
from backscroll.mcp.request_context import Called
from backscroll.process.logs import FIELDS
from backscroll_tools.client.requests import ID

IDS: Final = ("thread_id", "message_id", "completion_id", "run_id", "after", "before")
"""The arguments that are logged. Cursors and idempotency keys are not logged."""

log: Final = logging.getLogger("backscroll.audit")


def recorder(caller: Caller, request_id: str) -> Callable[[Called], None]:
    """Return a function that logs a call of this caller as one line of JSON."""

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
    """Return the values that are valid ids. Other values are omitted: they may be message text."""
    return {
        name: value
        for name in IDS
        if isinstance(value := values.get(name), str) and ID.fullmatch(value)
    }
