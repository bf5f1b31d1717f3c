"""What agents are told about failures: the sentences, the next steps, and when to retry."""

from typing import Final

from backscroll_tools.client.groups import CHAT_COMPLETIONS, MESSAGE_FILES, THREADS
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
"""The next step for each code."""

NEXT_OF: Final = {
    "idempotency_key_in_use": "Call again in a few seconds with the same idempotency_key.",
    "idempotency_key_reused": "To write this message, call without idempotency_key.",
    "idempotent_object_deleted": "To write it again, call with another idempotency_key.",
    "database_busy": (
        "Call again in a few seconds; if this persists, ask the operator which program has locked "
        "the database."
    ),
}
"""The next step for upstream error codes that are more precise than the status."""

RETRY_OF: Final = dict.fromkeys(
    ("idempotency_key_reused", "idempotent_object_deleted"),
    "safe without this idempotency_key; nothing was written.",
)
"""The retry rules for upstream error codes, if they differ from that of the failure's own code."""

SHOWN_BY: Final = {
    THREADS: ("list-threads",),
    MESSAGE_FILES: ("list-threads",),
    CHAT_COMPLETIONS: ("list-chat-completions",),
}
"""The tools that list existing ids, by group of endpoints, for errors about an unknown id."""

THREADS_ENDPOINTS: Final = frozenset(
    {"POST /threads", "GET /threads/{id}/messages", "POST /threads/{id}/messages"}
)
"""The endpoints that an upstream needs before we say that it has threads."""

ASK: Final = "Use another tool, or ask the operator which upstream BACKSCROLL_UPSTREAM should name."
"""The next step if an endpoint is missing that does not make the upstream useless."""

FIX: Final = "Ask the operator to run backscroll doctor, and to fix the database."
FIXED: Final = "safe, but pointless until the database is fixed; nothing was written."
"""The next step and the retry rule after a database failure that does not pass by itself."""

LISTED_LATE: Final = " A new object may take a few seconds to appear."
"""Added to `not_found` if the upstream lists new objects with a delay."""

AFTER_500: Final = " If this persists, check the ids: some proxies send this for a missing object."
"""Added for a status of 500, which LiteLLM sends if its upstream sent 404 (docs/upstreams.md)."""

SENTENCE: Final[dict[ErrorCode, str]] = {
    "auth_failed": "The upstream refused the key.",
    "forbidden": "The upstream denied access.",
}
"""The sentences for codes whose status says too little."""
