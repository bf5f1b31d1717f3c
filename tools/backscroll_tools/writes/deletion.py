"""Deletes one object by its id.

A deletion is sent again until the upstream confirms it. If an attempt had an unclear outcome, and a
later one finds no object, the object has been deleted.
"""

from backscroll_tools.client.requests import Request
from backscroll_tools.errors import ToolError
from backscroll_tools.tool import Call
from backscroll_tools.writes.idempotent import IdempotentWrite


def deletion(retrieval: Request) -> Request:
    """Return the request that deletes the object that a request reads."""
    return Request("DELETE", retrieval.group, retrieval.path)


async def delete(call: Call, tool: str, request: Request, retrieval: Request, name: str) -> None:
    """Delete an object.

    Args:
        call: the call; its limits apply.
        tool: the name of the tool that was called. Errors contain this name.
        request: the request that deletes the object.
        retrieval: the request that reads the object.
        name: the object in words for the agent, such as `thread_1`.

    Raises:
        ToolError: `outcome_unknown` if the object may or may not have been deleted; `not_found` if
            it did not exist before this call; `upstream_invalid` if the upstream says that it has
            not deleted it. All other codes mean that it has not been deleted.
    """
    doubt = f"{name} may have been deleted"
    write = IdempotentWrite(tool, request, retrieval, lambda found: found is None, doubt)
    try:
        reply = await write.done(call)
    except ToolError as error:
        if error.code == "not_found":
            error.next_step += " If you repeat an unclear deletion, it has been deleted."
        raise
    if reply.get("deleted") is False:
        raise ToolError(
            "upstream_invalid",
            f"The upstream did not delete {name}.",
            next_step="Ask the operator whether the upstream supports this deletion.",
            retry="safe; nothing was deleted.",
        )
