"""The tools as an MCP server: what hosts list, what they call, and how failures look to a model."""

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
"""How many different tool lists are kept ready."""

_TRACED: Final[frozenset[ErrorCode]] = frozenset(
    {"internal", "upstream_unavailable", "upstream_invalid", "outcome_unknown"}
)
"""Errors that an operator may be asked about, and so say which request they belong to."""

_log = logging.getLogger(__name__)
_Context = ServerRequestContext[Any, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """What a transport found wrong with a request's arguments, in place of the arguments.

    A transport attaches it as the request's context, so that the model that wrote the arguments
    reads why they were refused.
    """

    reason: str


def build(settings: Settings, tools: Sequence[Tool] = TOOLS) -> Server[UpstreamConnection]:
    """Return the MCP server of one host, which has one upstream for as long as it runs.

    Args:
        settings: of the operator.
        tools: those that can be offered; by default every one of `registry.TOOLS`.

    Raises:
        SettingsError: the upstream cannot be asked: its key, or a library, is missing.
    """
    upstream = upstream_of(settings)

    @asynccontextmanager
    async def lifespan(_: Server[UpstreamConnection]) -> AsyncIterator[UpstreamConnection]:
        async with UpstreamConnection(settings, upstream) as connection:
            yield connection

    def terms_of(context: _Context) -> RequestContext:
        refused = context.request.reason if isinstance(context.request, RefusedLine) else ""
        return RequestContext(settings, context.lifespan_context.client, refused=refused)

    return server_for(terms_of, settings, upstream.profile, lifespan, tools=tools)


def server_for(  # noqa: PLR0913 - what one host has, or many
    terms_of: Callable[[_Context], RequestContext],
    settings: Settings,
    profile: Profile,
    lifespan: Callable[[Server[T]], AbstractAsyncContextManager[T]],
    scope: Literal["public", "private"] = "public",
    *,
    tools: Sequence[Tool] = TOOLS,
) -> Server[T]:
    """Return an MCP server: 2025-11-25 and 2026-07-28, on whatever transport runs it.

    Args:
        terms_of: what a request may do, by its context.
        settings: of the operator; terms only narrow them.
        profile: what the upstream serves.
        lifespan: entered once for each run of a transport.
        scope: whether a tool list may be kept for other callers too.
        tools: those that can be offered.
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
            raise MCPError(
                INVALID_PARAMS, "tools/list gives no cursor: all tools are on its one page."
            )
        allowed = terms_of(context).settings
        return listing(allowed.toolsets, read_only=allowed.read_only)

    async def call_tool(context: _Context, params: CallToolRequestParams) -> CallToolResult:
        return await _answered(context, params, terms_of(context), profile, by_name)

    async def instruct(ctx: _Context, call_next: CallNext) -> HandlerResult:
        """Have a greeting name the tools that are offered on this request's terms."""
        result = await call_next(ctx)
        if ctx.method in _GREETINGS and isinstance(result, dict):
            allowed = offered(tools, terms_of(ctx).settings, profile)
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
    # The SDK's own spans carry whatever name a client calls.
    server.middleware[:] = [request_spans.RequestSpans(frozenset(by_name)), instruct]
    return server


async def _answered(
    context: _Context,
    params: CallToolRequestParams,
    terms: RequestContext,
    profile: Profile,
    tools: Mapping[str, Tool],
) -> CallToolResult:
    """Call a tool, have the call noted, and turn every failure of it into a result.

    Raises:
        MCPError: there is no such tool.
    """
    start = time.perf_counter()
    name, outcome, made, stopped_by = "", "cancelled", dict[str, str](), ""
    tally = Tally()
    try:
        tool = _tool(tools.get(params.name), params.name, terms.settings, profile)
        name = tool.name
        result = await _called(tool, context, params, terms, tally)
        answer = _succeeded(result, terms.settings.output)
        made = _made(tool, result.structured)
        stopped_by = _stopped_by(result.structured)
        outcome = "ok"
    except MCPError:
        outcome = "unknown_tool"
        raise
    except ToolError as error:
        outcome = error.code
        names = {tool.name for tool in offered(tools.values(), terms.settings, profile)}
        return _failed(error, terms, names)
    except Exception as error:  # noqa: BLE001 - the outermost boundary of a call
        # No traceback: its last line may quote message text.
        about = f" in request {terms.request_id}" if terms.request_id else ""
        _log.error("%s failed%s: %s", name, about, _where(error))
        outcome = "internal"
        return _failed(
            ToolError("internal", "Backscroll failed.", next_step="Report it to the operator."),
            terms,
            (),
        )
    else:
        return answer
    finally:
        seconds = time.perf_counter() - start
        request_spans.note_outcome(outcome, terms.request_id)
        arguments = _arguments(params, terms)
        terms.note(Called(name, arguments, outcome, seconds, made, stopped_by, tally))


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
    terms: RequestContext,
    tally: Tally,
) -> Result:
    settings = terms.settings
    if tool.writes and settings.read_only:
        raise ToolError("read_only", "This server reads only.", next_step="Ask the operator.")
    if terms.refused:
        raise ToolError("invalid_arguments", terms.refused, next_step="Mend the call.")
    if terms.arguments is None:
        arguments = validated(tool, params.arguments or {})
    else:  # they are large
        arguments = await anyio.to_thread.run_sync(validated, tool, terms.arguments)
    bounds = Bounds(
        result_chars=settings.result_chars,
        deadline_s=settings.deadline_s,
        output=cast("Output", settings.output),
    )
    client = await terms.client()
    call = Call.begin(client, bounds, context.session.report_progress, tally)
    return await tool.run(call, arguments)


def _arguments(params: CallToolRequestParams, terms: RequestContext) -> Mapping[str, object]:
    return params.arguments or {} if terms.arguments is None else terms.arguments


def _succeeded(result: Result, output: str) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(type="text", text=result.text)],
        structured_content=None if output == "text" else result.structured,
    )


def _made(tool: Tool, structured: JSON) -> dict[str, str]:
    """Return the ids of the message that a call wrote and of its thread, as far as it says them."""
    if not tool.writes:
        return {}
    made: dict[str, str] = {}
    match structured:
        case {"thread_id": str() as thread_id}:
            made["thread_id"] = thread_id
    match structured:
        case {"message": {"id": str() as message_id}}:
            made["message_id"] = message_id
    return made


def _stopped_by(structured: JSON) -> str:
    match structured:
        case {"page": {"stopped_by": str() as stopped_by}}:
            return stopped_by
        case _:
            return ""


def _failed(error: ToolError, terms: RequestContext, names: Collection[str]) -> CallToolResult:
    text = error.render(names)
    if terms.request_id and error.code in _TRACED:
        text += f"\nRequest id, for the operator: {terms.request_id}"
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
    """Return an exception's type and the places it came through, without any value."""
    frames: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return f"{type(error).__name__} at {' > '.join(frames)}"
