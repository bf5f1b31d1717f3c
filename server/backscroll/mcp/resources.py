"""The resources that hosts can read: the page that shows conversations, and the skill.

The files are read only when a host asks for them.
"""

from collections.abc import Callable
from typing import Any, Final

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    TextResourceContents,
)
from msgspec import Struct

from backscroll.mcp import page_file, skill_file

_NOT_FOUND: Final = -32002
"""The error code for an unknown resource in protocol versions before 2026-07-28 (MCP specification
2025-11-25, resources, error handling). Later versions use -32602."""

_MODERN: Final = "2026-07-28"
"""The first protocol version that uses -32602. Versions are dates, so they compare as strings."""

_Context = ServerRequestContext[Any, Any]


class _Readable(Struct, frozen=True):
    """A resource, and the function that reads its text."""

    resource: Resource
    text: Callable[[], str]


_READABLE: Final = (
    _Readable(
        Resource(
            uri=page_file.URI,
            name="conversation",
            title="Conversations",
            description="A page that shows conversations, messages and search results.",
            mime_type=page_file.MIME_TYPE,
            _meta=page_file.PAGE_META,
        ),
        page_file.html,
    ),
    _Readable(
        Resource(
            uri=skill_file.URI,
            name="skill",
            title="How to read past conversations",
            description="A skill that teaches agents to use the tools.",
            mime_type="text/markdown",
        ),
        skill_file.text,
    ),
)


async def list_resources(
    _context: _Context, params: PaginatedRequestParams | None
) -> ListResourcesResult:
    """Answer `resources/list`.

    Raises:
        MCPError: -32602 if the request has a cursor.
    """
    _refuse_cursor(params, "resources/list")
    return ListResourcesResult(resources=[one.resource for one in _READABLE])


async def list_templates(
    _context: _Context, params: PaginatedRequestParams | None
) -> ListResourceTemplatesResult:
    """Answer `resources/templates/list`. There are no templates.

    Raises:
        MCPError: -32602 if the request has a cursor.
    """
    _refuse_cursor(params, "resources/templates/list")
    return ListResourceTemplatesResult(resource_templates=[])


async def read(context: _Context, params: ReadResourceRequestParams) -> ReadResourceResult:
    """Answer `resources/read`.

    Raises:
        MCPError: -32002, or -32602 since protocol version 2026-07-28, if the URI is unknown. The
            data of the error contain the URI.
    """
    for one in _READABLE:
        if one.resource.uri == params.uri:
            contents = TextResourceContents(
                uri=one.resource.uri,
                mime_type=one.resource.mime_type,
                text=one.text(),
                _meta=one.resource.meta,
            )
            return ReadResourceResult(contents=[contents])
    code = INVALID_PARAMS if context.protocol_version >= _MODERN else _NOT_FOUND
    raise MCPError(code, "Resource not found", {"uri": params.uri})


def _refuse_cursor(params: PaginatedRequestParams | None, method: str) -> None:
    # The list has only one page, so no cursor is valid.
    if params is not None and params.cursor:
        raise MCPError(INVALID_PARAMS, f"{method} has no cursors: the list has only one page.")
