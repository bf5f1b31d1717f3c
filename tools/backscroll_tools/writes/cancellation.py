"""Cancels one run or response by its id. Only one that has not ended can be cancelled."""

from typing import Final

from backscroll_tools.client.requests import Request
from backscroll_tools.errors import ErrorCode, ToolError
from backscroll_tools.models import JSON
from backscroll_tools.single_object import read_object
from backscroll_tools.tool import Call
from backscroll_tools.writes.idempotent import IdempotentWrite

_CANCELLED: Final = frozenset({"cancelling", "cancelled"})
_ENDED: Final = frozenset({"completed", "expired", "failed", "incomplete"})
"""The statuses of runs and responses that ended in another way (OpenAI API)."""

_REFUSED: Final[frozenset[ErrorCode]] = frozenset({"invalid_arguments", "thread_busy"})


async def cancel(  # noqa: PLR0913 - the call, the requests and the object
    call: Call, tool: str, request: Request, retrieval: Request, *, name: str, only: str
) -> JSON:
    """Cancel a run or a response, and return it in the upstream's format.

    Some upstreams refuse to cancel twice. So after a refusal, the object is read: it may have been
    cancelled before.

    Args:
        call: the call; its limits apply.
        tool: the name of the tool that was called. Errors contain this name.
        request: the request that cancels the object.
        retrieval: the request that reads the object.
        name: the object in words for the agent, such as `run_1`.
        only: a sentence for the agent that says what can be cancelled.

    Raises:
        ToolError: `outcome_unknown` if the object may or may not have been cancelled;
            `invalid_arguments` if it cannot be cancelled, because it has ended, for example. All
            other codes mean that this call has not cancelled it.
    """
    doubt = f"{name} may have been cancelled"
    write = IdempotentWrite(tool, request, retrieval, _is_cancelled, doubt, _can_be_cancelled)
    try:
        return await write.done(call)
    except ToolError as error:
        if error.code not in _REFUSED:
            raise
        found = await read_object(call, retrieval)
        if _is_cancelled(found):
            return found
        error.next_step = only
        raise


def _is_cancelled(found: JSON | None) -> bool:
    return found is not None and str(found.get("status")) in _CANCELLED


def _can_be_cancelled(found: JSON | None) -> bool:
    return found is not None and str(found.get("status")) not in _ENDED
