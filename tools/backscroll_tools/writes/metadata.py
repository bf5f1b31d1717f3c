"""Replaces the metadata of one object. Repeating the replacement has no further effect."""

from backscroll_tools.client.requests import Request
from backscroll_tools.models import JSON
from backscroll_tools.tool import Call
from backscroll_tools.writes import keys
from backscroll_tools.writes.idempotent import IdempotentWrite


def modification(retrieval: Request, metadata: JSON) -> Request:
    """Return the request that replaces the metadata of the object that a request reads."""
    body: JSON = {"metadata": metadata}
    group, path = retrieval.group, retrieval.path
    key, root = keys.mint(), retrieval.root
    return Request("POST", group, path, (), body, key, idempotent=True, root=root)


async def replace_metadata(
    call: Call, tool: str, request: Request, retrieval: Request, name: str
) -> JSON:
    """Replace the metadata of an object, and return the object in the upstream's format.

    Args:
        call: the call; its limits apply.
        tool: the name of the tool that was called. Errors contain this name.
        request: the request that replaces the metadata.
        retrieval: the request that reads the object.
        name: the object in words for the agent, such as `thread_1`.

    Raises:
        ToolError: `outcome_unknown` if the metadata may or may not have been replaced. All other
            codes mean that this call has not changed it.
    """
    wanted = (request.body or {})["metadata"]

    def took_effect(found: JSON | None) -> bool:
        return found is not None and (found.get("metadata") or {}) == wanted

    doubt = f"the metadata of {name} may have been replaced"
    return await IdempotentWrite(tool, request, retrieval, took_effect, doubt).done(call)
