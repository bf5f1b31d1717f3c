"""The texts of errors for agents: what failed, what to do next, and whether to retry."""

from typing import Final

from backscroll_tools.client.groups import (
    AGENT_SESSIONS,
    CHAT_COMPLETIONS,
    CHATKIT,
    MANAGED_SESSIONS,
    MESSAGE_FILES,
    MISTRAL_CONVERSATIONS,
    RESPONSES,
    THREADS,
)
from backscroll_tools.errors import ErrorCode

NEXT: Final[dict[ErrorCode, str]] = {
    "invalid_arguments": "Fix the problem described above, then call again.",
    "auth_failed": "Ask the operator to check BACKSCROLL_API_KEY.",
    "forbidden": "Ask the operator for access to this upstream.",
    "not_found": "Check the ids.",
    "thread_busy": "Wait until the run has ended.",
    "upstream_unavailable": "Call again in a few seconds.",
    "upstream_invalid": "Ask the operator to check BACKSCROLL_BASE_URL.",
}
"""The next step for each error code."""

NEXT_FOR_ADMIN: Final[dict[ErrorCode, str]] = {
    "auth_failed": "Ask the operator to check BACKSCROLL_ADMIN_KEY.",
    "forbidden": "Ask the operator for an admin key (BACKSCROLL_ADMIN_KEY) with access to this.",
}
"""The next steps for some error codes if the request was sent with the admin key. They replace
those in `NEXT`."""

NEXT_OF: Final = {
    "idempotency_key_in_use": "Call again in a few seconds with the same idempotency_key.",
    "idempotency_key_reused": "To write this message, call without idempotency_key.",
    "idempotent_object_deleted": (
        "To write the deleted message again, call with another idempotency_key."
    ),
    "database_busy": (
        "Call again in a few seconds; if this persists, ask the operator which program has locked "
        "the database."
    ),
}
"""The next steps for some error codes in an upstream's reply. These codes say more than the HTTP
status, so these next steps replace those in `NEXT`."""

RETRY_OF: Final = dict.fromkeys(
    ("idempotency_key_reused", "idempotent_object_deleted"),
    "safe without this idempotency_key; nothing was written.",
)
"""The retry rules for some error codes in an upstream's reply. They replace the rule in `RETRIES`.
"""

SHOWN_BY: Final = {
    THREADS: ("list-threads",),
    MESSAGE_FILES: ("list-threads",),
    CHAT_COMPLETIONS: ("list-chat-completions",),
    RESPONSES: ("list-responses",),
    AGENT_SESSIONS: ("list-threads",),
    CHATKIT: ("list-threads",),
    MANAGED_SESSIONS: ("list-threads",),
    MISTRAL_CONVERSATIONS: ("list-threads",),
}
"""The tools that list existing ids, by group of endpoints. If an id is unknown, the error names
these tools."""

THREADS_ENDPOINTS: Final = frozenset(
    {"POST /threads", "GET /threads/{id}/messages", "POST /threads/{id}/messages"}
)
"""The endpoints without which an upstream's threads cannot be used."""

ASK: Final = "Use another tool, or ask the operator which upstream BACKSCROLL_UPSTREAM should name."
"""The next step if the upstream lacks an endpoint that is not in `THREADS_ENDPOINTS`."""

FIX: Final = "Ask the operator to run backscroll doctor, and to fix the database."
FIXED: Final = "safe, but pointless until the database is fixed; nothing was written."
"""If someone must fix the database, the error has the next step `FIX` and the retry rule `FIXED`.
"""

LISTED_LATE: Final = " A new object may take a few seconds to appear."
"""Appended to the next step of `not_found` if the upstream lists new objects with a delay."""

AFTER_500: Final = " If this persists, check the ids: some proxies send 500 for a missing object."
"""Appended to the next step for status 500. LiteLLM sends 500 if its upstream has sent 404
(docs/upstreams.md)."""

SENTENCE: Final[dict[ErrorCode, str]] = {
    "auth_failed": "The upstream refused the key.",
    "forbidden": "The upstream denied access.",
}
"""The error messages for some error codes, because the HTTP status alone would not say enough."""
