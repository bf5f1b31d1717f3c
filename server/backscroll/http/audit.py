"""What is written down of every call: who, which tool, which ids, how it ended; never text."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Final

from backscroll.http.auth.callers import Caller
from backscroll.mcp.request_context import Called
from backscroll.process.logs import FIELDS
from backscroll_tools.client.requests import ID

IDS: Final = ("thread_id", "message_id", "completion_id", "run_id", "after", "before")
"""The arguments that are ids. A cursor is not one, and an idempotency key is a key."""

log: Final = logging.getLogger("backscroll.audit")


def noting(caller: Caller, request_id: str) -> Callable[[Called], None]:
    """Return what notes a caller's calls, one JSON object a line."""

    def note(called: Called) -> None:
        fields = {
            "caller": caller.name,
            "caller_id": caller.id,
            "tool": called.tool,
            **_ids({**called.arguments, **called.made}),
            "outcome": called.outcome,
            "ms": round(called.seconds * 1000, 1),
            "request_id": request_id,
        }
        log.info("%s", json.dumps(fields), extra={FIELDS: fields})

    return note


def _ids(values: Mapping[str, object]) -> dict[str, str]:
    """Return the ids among some values; what cannot be one may be text."""
    return {
        name: value
        for name in IDS
        if isinstance(value := values.get(name), str) and ID.fullmatch(value)
    }
