"""The MCP server, which lists and calls the tools."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Final, Literal, TypeVar

from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
)
from mcp.types import Tool as McpTool
from msgspec import Struct

from backscroll.mcp import page_file, request_spans, resources, skills, tool_entry
from backscroll.mcp.instructions import instructions
from backscroll.mcp.request_context import RequestContext
from backscroll.mcp.tool_call import answered, shows_pages
from backscroll.mcp.toolsets import offered
from backscroll.settings.model import RESULT_CHARS_MAX, Settings
from backscroll.upstream.connection import UpstreamConnection, upstream_of
from backscroll_tools.client.profiles import Profile
from backscroll_tools.registry import tools_of
from backscroll_tools.tool import Tool

LIST_TTL_MS: Final = 3_600_000
"""How long hosts may cache the tool list, in milliseconds. The list changes only if the operator
changes the settings."""

_GREETINGS: Final = frozenset({"initialize", "server/discover"})
"""The methods of requests whose results contain the instructions."""

_FIXED: Final[tuple[CacheableMethod, ...]] = (
    "resources/list",
    "resources/templates/list",
    "resources/read",
)
"""The methods whose results depend on no setting and on no caller."""

_FOR_ALL: Final = CacheHint(ttl_ms=LIST_TTL_MS, scope="public")

_OFFERS: Final = 64
"""The maximum number of different tool lists that are cached."""

_Context = ServerRequestContext[Any, Any]
T = TypeVar("T")


class RefusedLine(Struct, frozen=True):
    """The reason why the transport removed the arguments of a request.

    The transport stores the reason in the SDK's context of the request, so that the result of the
    call can show the reason to the model.
    """

    reason: str


def build(settings: Settings, tools: Sequence[Tool] | None = None) -> Server[UpstreamConnection]:
    """Return an MCP server for a transport that has only one client, such as stdio.

    Args:
        settings: the operator's settings.
        tools: the tools that can be offered; by default those of the settings' toolsets.

    Raises:
        SettingsError: the upstream's key is missing, or the library for Entra is not installed.
    """
    upstream = upstream_of(settings)

    @asynccontextmanager
    async def lifespan(_: Server[UpstreamConnection]) -> AsyncIterator[UpstreamConnection]:
        async with UpstreamConnection(settings, upstream) as connection:
            yield connection

    def request_context_of(context: _Context) -> RequestContext:
        refused = context.request.reason if isinstance(context.request, RefusedLine) else ""
        return RequestContext(settings, context.lifespan_context.client, refused=refused)

    return server_for(request_context_of, settings, upstream.profile, lifespan, tools=tools)


def server_for(  # noqa: PLR0913 - transports differ in all of these arguments
    request_context_of: Callable[[_Context], RequestContext],
    settings: Settings,
    profile: Profile,
    lifespan: Callable[[Server[T]], AbstractAsyncContextManager[T]],
    scope: Literal["public", "private"] = "public",
    *,
    tools: Sequence[Tool] | None = None,
) -> Server[T]:
    """Return an MCP server for any transport. It supports MCP 2024-11-05 to 2026-07-28.

    Args:
        request_context_of: returns Backscroll's context of a request, given the SDK's context.
        settings: the operator's settings. The settings of a request can only restrict them.
        profile: the kind of upstream.
        lifespan: a context that is entered once for each run of a transport.
        scope: `public` if a client may share its cached tool list between callers, otherwise
            `private`.
        tools: the tools that can be offered; by default those of the settings' toolsets.
    """
    if tools is None:
        tools = tools_of(settings.toolsets)
    by_name = {tool.name: tool for tool in tools}
    listing = _listing(settings, profile, tools)

    async def list_tools(
        context: _Context, params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        # The list has only one page, so no cursor is valid. An invalid cursor is an error (MCP
        # specification, pagination, error handling).
        if params is not None and params.cursor:
            raise MCPError(INVALID_PARAMS, "tools/list has no cursors: all tools are on one page.")
        # With other settings, all clients get the same list, so one list is cached for all of them.
        to_page = settings.output == "text" and shows_pages(context)
        return listing(request_context_of(context).settings, to_page)

    async def call_tool(context: _Context, params: CallToolRequestParams) -> CallToolResult:
        return await answered(context, params, request_context_of(context), profile, by_name)

    hint = CacheHint(ttl_ms=LIST_TTL_MS, scope=scope)
    # With text, the list of tools depends on what the client can show, so clients do not share it.
    list_hint = replace(hint, scope="private") if settings.output == "text" else hint
    server = Server(
        "backscroll",
        version=version("backscroll"),
        title="Backscroll",
        instructions=instructions(offered(tools, settings, profile)),
        lifespan=lifespan,
        get_tool_input_schema=lambda _: None,  # no tool declares a header for an argument
        cache_hints={
            "tools/list": list_hint,
            "server/discover": hint,
            **dict.fromkeys(_FIXED, _FOR_ALL),
        },
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=resources.list_resources,
        on_list_resource_templates=resources.list_templates,
        on_read_resource=resources.read,
    )
    server.add_request_handler("skills/list", PaginatedRequestParams, skills.list_skills)
    server.add_request_handler("skills/get", skills.GetSkillParams, skills.get_skill)
    server.extensions = {page_file.EXTENSION: {}, skills.EXTENSION: {}}
    # Remove the SDK's spans, because they contain any tool name that a client sends.
    server.middleware[:] = [
        request_spans.RequestSpans(frozenset(by_name)),
        _Instructions(request_context_of, profile, tools),
    ]
    return server


class _Instructions(Struct, frozen=True):
    """Adds instructions to the reply to `initialize` or `server/discover`.

    Attributes:
        request_context_of: returns Backscroll's context of a request, given the SDK's context.
        profile: the kind of upstream.
        tools: the tools that can be offered.
    """

    request_context_of: Callable[[_Context], RequestContext]
    profile: Profile
    tools: Sequence[Tool]

    async def __call__(self, ctx: _Context, call_next: CallNext) -> HandlerResult:
        result = await call_next(ctx)
        if ctx.method in _GREETINGS and isinstance(result, dict):
            allowed = offered(self.tools, self.request_context_of(ctx).settings, self.profile)
            return {**result, "instructions": instructions(allowed)}
        return result


def _listing(
    settings: Settings, profile: Profile, tools: Sequence[Tool]
) -> Callable[[Settings, bool], ListToolsResult]:
    """Return a function that lists the tools offered under the settings of a request.

    The function's second argument is whether the client can show pages of MCP Apps.
    """

    @lru_cache(_OFFERS)
    def listing(
        toolsets: tuple[str, ...], *, read_only: bool, admin: bool, to_page: bool
    ) -> ListToolsResult:
        allowed = replace(settings, toolsets=toolsets, read_only=read_only)
        shown = [
            tool_entry.entry(_whole(tool, admin=admin), settings, shows_pages=to_page)
            for tool in offered(tools, allowed, profile)
        ]
        return ListToolsResult(tools=[McpTool.model_validate(each) for each in shown])

    return lambda allowed, to_page: listing(
        allowed.toolsets,
        read_only=allowed.read_only,
        admin=bool(allowed.admin_key),
        to_page=to_page,
    )


def _whole(tool: Tool, *, admin: bool) -> dict[str, Any]:
    """Return a tool with all its fields, as JSON of the MCP specification."""
    schema = tool.input_schema if admin else tool.schema_without_admin_key or tool.input_schema
    meta: dict[str, object] = {tool_entry.MAX_RESULT: RESULT_CHARS_MAX}
    if tool.keywords:  # Claude Code uses this hint to find tools.
        meta["anthropic/searchHint"] = tool.keywords
    if tool.name in page_file.DRAWN:
        meta |= page_file.TOOL_META
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": dict(schema),
        "outputSchema": dict(tool.output_schema),
        "annotations": {
            "readOnlyHint": tool.hints.read_only,
            "destructiveHint": tool.hints.destructive,
            "idempotentHint": tool.hints.idempotent,
            "openWorldHint": tool.hints.open_world,
        },
        "_meta": meta,
    }
