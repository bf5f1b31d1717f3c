"""The tools as an MCP server: lists them, calls them, and shows failures to models."""

import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Final, Literal, TypeVar, cast

import anyio.to_thread
from mcp.server.caching import CacheHint
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp.types import Tool as McpTool

from backscroll.mcp import request_spans
from backscroll.mcp.instructions import instructions
from backscroll.mcp.request_context import Called, RequestContext
from backscroll.mcp.toolsets import offered
from backscroll.settings.model import Settings
from backscroll.upstream.connection import UpstreamConnection, upstream_of
from backscroll_tools.arguments import validated
from backscroll_tools.client.profiles import Profile
from backscroll_tools.client.tally import Tally
from backscroll_tools.errors import ErrorCode, ToolError
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Bounds, Call, Output, Result, Tool

LIST_TTL_MS: Final = 3_600_000
"""How long hosts may keep the tool list, in milliseconds: it changes only with the settings."""

_GREETINGS: Final = frozenset({"initialize", "server/discover"})
"""The requests whose results carry the instructions."""

_OFFERS: Final = 64
"""How many different tool lists are cached."""

_TRACED: Final[frozenset[ErrorCode]] = frozenset(
    {"internal", "upstream_unavailable", "upstream_invalid", "outcome_unknown"}
)
"""Errors that a user may ask the operator about, and that therefore contain the request's id."""

_log = logging.getLogger(__name__)
_Context = ServerRequestContext[Any, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """Why a transport refused the arguments of a request.

    A transport attaches it to the request as its context, so that the model that wrote the
    arguments reads the reason.
    """

    reason: str


def build(settings: Settings, tools: Sequence[Tool] = TOOLS) -> Server[UpstreamConnection]:
    """Return an MCP server for one host, with one upstream for as long as it runs.

    Args:
        settings: the operator's settings.
        tools: the tools that can be offered; by default `registry.TOOLS`.

    Raises:
        SettingsError: the upstream's key, or a library for it, is missing.
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


def server_for(  # noqa: PLR0913 - what differs between one host and many callers
    request_context_of: Callable[[_Context], RequestContext],
    settings: Settings,
    profile: Profile,
    lifespan: Callable[[Server[T]], AbstractAsyncContextManager[T]],
    scope: Literal["public", "private"] = "public",
    *,
    tools: Sequence[Tool] = TOOLS,
) -> Server[T]:
    """Return an MCP server for any transport: protocol versions 2025-11-25 and 2026-07-28.

    Args:
        request_context_of: returns what a request may do, given the SDK's context.
        settings: the operator's settings; those of a request only narrow them.
        profile: what the upstream serves.
        lifespan: entered once for each run of a transport.
        scope: whether a client may share its cached tool list between callers (`public`).
        tools: the tools that can be offered.
    """
    by_name = {tool.name: tool for tool in tools}

    @lru_cache(_OFFERS)
    def listing(toolsets: tuple[str, ...], *, read_only: bool) -> ListToolsResult:
        allowed = replace(settings, toolsets=toolsets, read_only=read_only)
        allowed_tools = offered(tools, allowed, profile)
        return ListToolsResult(tools=[_listed(tool, settings.output) for tool in allowed_tools])

    async def list_tools(
        context: _Context, params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        if params is not None and params.cursor:  # MCP specification, pagination, error handling
            raise MCPError(INVALID_PARAMS, "tools/list has no cursors: all tools are on one page.")
        allowed = request_context_of(context).settings
        return listing(allowed.toolsets, read_only=allowed.read_only)

    async def call_tool(context: _Context, params: CallToolRequestParams) -> CallToolResult:
        return await _answered(context, params, request_context_of(context), profile, by_name)

    async def instruct(ctx: _Context, call_next: CallNext) -> HandlerResult:
        """Give a greeting the instructions for the tools that this request is offered."""
        result = await call_next(ctx)
        if ctx.method in _GREETINGS and isinstance(result, dict):
            allowed = offered(tools, request_context_of(ctx).settings, profile)
            return {**result, "instructions": instructions(allowed)}
        return result

    hint = CacheHint(ttl_ms=LIST_TTL_MS, scope=scope)
    server = Server(
        "backscroll",
        version=version("backscroll"),
        title="Backscroll",
        instructions=instructions(offered(tools, settings, profile)),
        lifespan=lifespan,
        get_tool_input_schema=lambda name: by_name[name].input_schema if name in by_name else None,
        cache_hints={"tools/list": hint, "server/discover": hint},
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    # The SDK's own spans contain any tool name that a client sends.
    server.middleware[:] = [request_spans.RequestSpans(frozenset(by_name)), instruct]
    return server


async def _answered(
    context: _Context,
    params: CallToolRequestParams,
    request: RequestContext,
    profile: Profile,
    tools: Mapping[str, Tool],
) -> CallToolResult:
    """Call a tool, record the call, and turn every failure into a result.

    Raises:
        MCPError: there is no such tool.
    """
    start = time.perf_counter()
    name, outcome, written_ids, stopped_by = "", "cancelled", dict[str, str](), ""
    tally = Tally()
    try:
        tool = _tool(tools.get(params.name), params.name, request.settings, profile)
        name = tool.name
        result = await _called(tool, context, params, request, tally)
        answer = _succeeded(result, request.settings.output)
        written_ids = _written_ids(tool, result.structured)
        stopped_by = _stopped_by(result.structured)
        outcome = "ok"
    except MCPError:
        outcome = "unknown_tool"
        raise
    except ToolError as error:
        outcome = error.code
        names = {tool.name for tool in offered(tools.values(), request.settings, profile)}
        return _failed(error, request, names)
    except Exception as error:  # noqa: BLE001 - the outermost boundary of a call
        # No traceback: its last line may quote message text.
        about = f" in request {request.request_id}" if request.request_id else ""
        _log.error("%s failed%s: %s", name, about, _where(error))
        outcome = "internal"
        return _failed(
            ToolError("internal", "Backscroll failed.", next_step="Report it to the operator."),
            request,
            (),
        )
    else:
        return answer
    finally:
        seconds = time.perf_counter() - start
        request_spans.record_outcome(outcome, request.request_id)
        arguments = _arguments(params, request)
        request.record(Called(name, arguments, outcome, seconds, written_ids, stopped_by, tally))


def _tool(tool: Tool | None, name: str, settings: Settings, profile: Profile) -> Tool:
    """Return a tool that is offered, or that is withheld because it writes.

    Raises:
        MCPError: -32602 for any other name (MCP specification, tools, error handling).
    """
    if tool is not None and (
        (tool.writes and settings.read_only) or offered([tool], settings, profile)
    ):
        return tool
    raise MCPError(INVALID_PARAMS, f"Unknown tool: {name[:128]}")


async def _called(
    tool: Tool,
    context: _Context,
    params: CallToolRequestParams,
    request: RequestContext,
    tally: Tally,
) -> Result:
    settings = request.settings
    if tool.writes and settings.read_only:
        raise ToolError("read_only", "This server is read-only.", next_step="Ask the operator.")
    if request.refused:
        raise ToolError("invalid_arguments", request.refused, next_step="Fix the call.")
    if request.arguments is None:
        arguments = validated(tool, params.arguments or {})
    else:  # large ones, checked in a thread
        arguments = await anyio.to_thread.run_sync(validated, tool, request.arguments)
    bounds = Bounds(
        result_chars=settings.result_chars,
        deadline_s=settings.deadline_s,
        output=cast("Output", settings.output),
    )
    client = await request.client()
    call = Call.begin(client, bounds, context.session.report_progress, tally)
    return await tool.run(call, arguments)


def _arguments(params: CallToolRequestParams, request: RequestContext) -> Mapping[str, object]:
    return params.arguments or {} if request.arguments is None else request.arguments


def _succeeded(result: Result, output: str) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(type="text", text=result.text)],
        structured_content=None if output == "text" else result.structured,
    )


def _written_ids(tool: Tool, structured: JSON) -> dict[str, str]:
    """Return the ids of the message that a call wrote and of its thread, if its result has them."""
    if not tool.writes:
        return {}
    ids: dict[str, str] = {}
    match structured:
        case {"thread_id": str() as thread_id}:
            ids["thread_id"] = thread_id
    match structured:
        case {"message": {"id": str() as message_id}}:
            ids["message_id"] = message_id
    return ids


def _stopped_by(structured: JSON) -> str:
    match structured:
        case {"page": {"stopped_by": str() as stopped_by}}:
            return stopped_by
        case _:
            return ""


def _failed(error: ToolError, request: RequestContext, names: Collection[str]) -> CallToolResult:
    text = error.render(names)
    if request.request_id and error.code in _TRACED:
        text += f"\nRequest id, for the operator: {request.request_id}"
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)


def _listed(tool: Tool, output: str) -> McpTool:
    return McpTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=dict(tool.input_schema),
        output_schema=None if output == "text" else dict(tool.output_schema),
        annotations=ToolAnnotations(
            read_only_hint=tool.hints.read_only,
            destructive_hint=tool.hints.destructive,
            idempotent_hint=tool.hints.idempotent,
            open_world_hint=tool.hints.open_world,
        ),
    )


def _where(error: Exception) -> str:
    """Return an exception's type and its stack of functions and lines, without any value."""
    frames: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return f"{type(error).__name__} at {' > '.join(frames)}"
