"""Runs and records a tool call, and converts failures into results for the model."""

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, cast

import anyio.to_thread
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, CallToolRequestParams, CallToolResult, TextContent

from backscroll.mcp import page_file, request_spans
from backscroll.mcp.request_context import Called, RequestContext
from backscroll.mcp.toolsets import offered
from backscroll.settings.model import Settings
from backscroll_tools.arguments import validated
from backscroll_tools.client.profiles import Profile
from backscroll_tools.client.tally import Tally
from backscroll_tools.errors import ErrorCode, ToolError
from backscroll_tools.models import JSON
from backscroll_tools.tool import Bounds, Call, Output, Result, Tool

_TRACED: Final[frozenset[ErrorCode]] = frozenset(
    {"internal", "upstream_unavailable", "upstream_invalid", "outcome_unknown"}
)
"""The codes of errors that a user may report to the operator. Such errors show the request's id."""

_NAME_CHARS: Final = 128
"""The maximum length of a tool's name (MCP specification, tools). An error quotes at most this many
characters of an unknown name."""

_LIKENESS: Final = 0.8
"""The minimum similarity, from 0 to 1, at which a tool is suggested for an unknown name."""

_log = logging.getLogger(__name__)
_Context = ServerRequestContext[Any, Any]


async def answered(
    context: _Context,
    params: CallToolRequestParams,
    request: RequestContext,
    profile: Profile,
    tools: Mapping[str, Tool],
) -> CallToolResult:
    """Call a tool, record the call, and convert every failure into a result.

    Args:
        context: the SDK's context of the request.
        params: the tool's name and arguments, as they were sent.
        request: Backscroll's context of the request.
        profile: the kind of upstream.
        tools: all tools, by name.

    Raises:
        MCPError: the tool is unknown.
    """
    start = time.perf_counter()
    name, outcome, written_ids, stopped_by = "", "cancelled", dict[str, str](), ""
    tally = Tally()
    try:
        tool = _tool(tools, params.name, request.settings, profile)
        name = tool.name
        result = await _called(tool, context, params, request, tally)
        answer = _succeeded(result, request.settings.output, to_page=shows_pages(context))
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
        outcome = "internal"
        return _internal_error(error, name, request)
    else:
        return answer
    finally:
        seconds = time.perf_counter() - start
        request_spans.record_outcome(outcome, request.request_id)
        arguments = _arguments(params, request)
        request.record(Called(name, arguments, outcome, seconds, written_ids, stopped_by, tally))


def _tool(tools: Mapping[str, Tool], name: str, settings: Settings, profile: Profile) -> Tool:
    """Return the tool that has the given name.

    A read-only server offers no tools that write, but this function returns them too, so that a
    call of such a tool fails with `read_only`.

    Raises:
        MCPError: -32602 if the tool is unknown, or its toolset or endpoints are not available (MCP
            specification, tools, error handling).
    """
    tool = tools.get(name)
    if tool is not None and (
        (tool.writes and settings.read_only) or offered([tool], settings, profile)
    ):
        return tool
    name = name[:_NAME_CHARS]
    near = _nearest(name, [tool.name for tool in offered(tools.values(), settings, profile)])
    hint = f". Did you mean {near}?" if near else ""
    raise MCPError(INVALID_PARAMS, f"Unknown tool: {name}{hint}")


def _nearest(name: str, names: Sequence[str]) -> str:
    """Return the name of the tool that is most similar to a misspelled name, or an empty string."""
    from difflib import get_close_matches

    spelled = name.lower().replace("_", "-").replace(" ", "-")
    return next(iter(get_close_matches(spelled, names, n=1, cutoff=_LIKENESS)), "")


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
    else:  # the arguments are large, so a thread validates them
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


def _succeeded(result: Result, output: str, *, to_page: bool) -> CallToolResult:
    """Return the result of a call that succeeded.

    Args:
        result: the result of the tool.
        output: the parts of the result that the operator chose.
        to_page: whether the page that the host shows needs the structured content, even if the
            operator chose only the text.
    """
    only_text = output == "text"
    return CallToolResult(
        content=[TextContent(type="text", text=result.text)],
        structured_content=None if only_text else result.structured,
        _meta={page_file.STRUCTURED: result.structured} if only_text and to_page else None,
    )


def shows_pages(context: _Context) -> bool:
    """Return whether the client states that it can show pages of MCP Apps.

    The client of a stateless HTTP request before protocol version 2026-07-28 states nothing.
    """
    capabilities = context.session.client_capabilities
    return page_file.is_shown((capabilities and capabilities.extensions) or {})


def _written_ids(tool: Tool, structured: JSON) -> dict[str, str]:
    """Return the ids of a changed message and its thread, if the call's result contains them."""
    if not tool.writes:
        return {}
    ids: dict[str, str] = {}
    match structured:
        case {"thread_id": str() as thread_id}:
            ids["thread_id"] = thread_id
    match structured:
        case {"message": {"id": str() as message_id}} | {"message_id": str() as message_id}:
            ids["message_id"] = message_id
    return ids


def _stopped_by(structured: JSON) -> str:
    match structured:
        case {"page": {"stopped_by": str() as stopped_by}}:
            return stopped_by
        case _:
            return ""


def _internal_error(error: Exception, name: str, request: RequestContext) -> CallToolResult:
    """Log an unexpected exception, and return the result that the model sees."""
    # A traceback is not logged, because its last line may quote message text.
    about = f" in request {request.request_id}" if request.request_id else ""
    _log.error("%s failed%s: %s", name, about, _where(error))
    shown = ToolError("internal", "Backscroll failed.", next_step="Report it to the operator.")
    return _failed(shown, request, ())


def _failed(error: ToolError, request: RequestContext, names: Collection[str]) -> CallToolResult:
    text = error.render(names)
    if request.request_id and error.code in _TRACED:
        text += f"\nRequest id, for the operator: {request.request_id}"
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)


def _where(error: Exception) -> str:
    """Return the type of an exception, and the functions and line numbers of its stack."""
    frames: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return f"{type(error).__name__} at {' > '.join(frames)}"
