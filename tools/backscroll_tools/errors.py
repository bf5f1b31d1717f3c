"""The exception for failed tool calls, with a stable code for each kind of failure."""

from collections.abc import Collection
from typing import Final, Literal, TypeAlias

ErrorCode: TypeAlias = Literal[
    "invalid_arguments",
    "not_found",
    "thread_busy",
    "auth_failed",
    "forbidden",
    "rate_limited",
    "quota_exceeded",
    "upstream_unavailable",
    "upstream_invalid",
    "upstream_retired",
    "deadline_exceeded",
    "outcome_unknown",
    "read_only",
    "internal",
]

RETRIES: Final[dict[ErrorCode, str]] = {
    "invalid_arguments": "safe once the arguments are corrected; nothing was read or written.",
    "not_found": "safe, but pointless until the ids are corrected; nothing was written.",
    "thread_busy": "safe; nothing was written. Wait until the run has ended.",
    "auth_failed": "safe, but pointless until the operator fixes the key; nothing was written.",
    "forbidden": "safe, but pointless until access is granted; nothing was written.",
    "rate_limited": "safe after a pause; nothing was written.",
    "quota_exceeded": "safe, but pointless until the quota is raised; nothing was written.",
    "upstream_unavailable": "safe; nothing was written.",
    "upstream_invalid": "safe, but the upstream may send the same reply again.",
    "upstream_retired": "safe, but pointless: the upstream does not serve this endpoint.",
    "deadline_exceeded": "safe; nothing was written.",
    "outcome_unknown": (
        "not safe with a new idempotency_key: the message may have been written. "
        "Safe with the same idempotency_key."
    ),
    "read_only": "safe, but pointless: this server is read-only.",
    "internal": "safe for a read; may not be safe for a write.",
}


class ToolError(Exception):
    """A failed tool call, described so that a model can act on it.

    Args:
        code: the kind of failure. Programs can rely on it, because codes do not change.
        message: one sentence that describes the failure, without keys, headers or upstream bodies.
        next_step: one sentence that tells the agent what to do.
        retry: one sentence that says whether the same call can be sent again; by default the
            sentence for the code in `RETRIES`.
        shown_by: the names of tools that list existing ids. `render` names only the tools that the
            agent has.
        taken_by: the name of a tool that accepts the id that the failed call passed; empty if no
            such tool is known. If the agent has this tool, `render` names it instead of
            `next_step`.
    """

    def __init__(  # noqa: PLR0913 - the parts of the text for the agent
        self,
        code: ErrorCode,
        message: str,
        *,
        next_step: str = "",
        retry: str | None = None,
        shown_by: tuple[str, ...] = (),
        taken_by: str = "",
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code: ErrorCode = code
        self.message = message
        self.next_step = next_step
        self.retry = RETRIES[code] if retry is None else retry
        self.shown_by = shown_by
        self.taken_by = taken_by

    def render(self, offered: Collection[str] | None = None) -> str:
        """Return the text for the agent: `code: sentence`, the next step, and the retry rule.

        Args:
            offered: the names of the tools that the agent has. The text names only these tools. If
                None, the agent has all tools.
        """
        lines = [f"{self.code}: {self.message}"]
        tools = [name for name in self.shown_by if offered is None or name in offered]
        steps = [self.next_step] if self.next_step else []
        if self.taken_by and (offered is None or self.taken_by in offered):
            steps = [f"{self.taken_by} takes this id."]
        if tools:
            steps.append(f"{' and '.join(tools)} show{'s' if len(tools) == 1 else ''} what exists.")
        if steps:
            lines.append(f"Next: {' '.join(steps)}")
        lines.append(f"Retry: {self.retry}")
        return "\n".join(lines)


def invalid_arguments(message: str, next_step: str = "") -> ToolError:
    """Return the error for a call with invalid arguments, for which no request was sent."""
    return ToolError("invalid_arguments", message, next_step=next_step)
