"""The server that the conformance suites test, served by our runtime."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp.shared.subscriptions import PromptsListChanged, ToolsListChanged
from mcp.types import (
    INVALID_PARAMS,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolRequestParams,
    CallToolResult,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    CreateMessageResult,
    ElicitResult,
    EmptyResult,
    GetPromptRequestParams,
    GetPromptResult,
    InputRequiredResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    PromptMessage,
    ReadResourceRequestParams,
    ReadResourceResult,
    SetLevelRequestParams,
    SubscribeRequestParams,
    Tool,
    UnsubscribeRequestParams,
)

from tests.conformance import content, inputs
from tests.conformance.content import JSON, said

Context = ServerRequestContext[None, Any]

_ACTING: Final = (
    *inputs.ROUNDS,
    "test_input_required_result_capabilities",
    "test_logging_tool",
    "test_missing_capability",
    "test_streaming_elicitation",
    "test_tool_with_logging",
    "test_tool_with_progress",
    "test_trigger_tool_change",
    "test_trigger_prompt_change",
)
_ASKING: Final = {
    **dict.fromkeys(content.FORMS, ""),
    "test_elicitation": "message",
    "test_sampling": "prompt",
}
"""Tools that ask the client during a call (2025-11-25), and the argument with the question."""

_bus: Final = InMemorySubscriptionBus()


def fixture_server() -> Server[None]:
    """Return a new server."""
    hint = CacheHint(ttl_ms=60_000, scope="public")
    server = Server(
        "fixture",
        version="0",
        lifespan=_lifespan,
        cache_hints={
            "tools/list": hint,
            "prompts/list": hint,
            "resources/list": hint,
            "resources/templates/list": hint,
            "resources/read": hint,
            "server/discover": hint,
        },
        get_tool_input_schema=content.SCHEMAS.get,
        on_list_tools=_list_tools,
        on_call_tool=_call_tool,
        on_list_resources=_list_resources,
        on_list_resource_templates=_list_templates,
        on_read_resource=_read_resource,
        on_list_prompts=_list_prompts,
        on_get_prompt=_get_prompt,
        on_completion=_complete,
        on_subscriptions_listen=ListenHandler(_bus),
    )
    # The constructor's own arguments for these three are deprecated.
    server.add_request_handler("logging/setLevel", SetLevelRequestParams, _accept)
    server.add_request_handler("resources/subscribe", SubscribeRequestParams, _accept)
    server.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, _accept)
    security = RequestStateSecurity.ephemeral()
    server.middleware.append(RequestStateBoundary(security, default_audience="fixture"))
    return server


@asynccontextmanager
async def _lifespan(_: Server[None]) -> AsyncIterator[None]:
    yield


async def _list_tools(_: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
    anything: JSON = {"type": "object", "properties": {}}
    schemas = {
        **content.SCHEMAS,
        **dict.fromkeys(_ACTING, anything),
        **{
            name: {"type": "object", "properties": {asks: {"type": "string"}} if asks else {}}
            for name, asks in _ASKING.items()
        },
    }
    return ListToolsResult(
        tools=[
            Tool(name=name, description=f"Answers as {name}.", input_schema=schema)
            for name, schema in schemas.items()
        ]
    )


async def _call_tool(
    context: Context, params: CallToolRequestParams
) -> CallToolResult | InputRequiredResult:
    name = params.name
    if name in content.RESULTS:
        return content.RESULTS[name]
    if name in inputs.ROUNDS:
        return inputs.ROUNDS[name](params.input_responses or {}, params.request_state)
    if name in _ASKING:
        return await _asked(context, name, params.arguments or {})
    return await _acting(context, name)


async def _acting(context: Context, name: str) -> CallToolResult | InputRequiredResult:
    match name:
        case "test_input_required_result_capabilities":
            return inputs.within(context.session.client_capabilities)
        case "test_missing_capability":
            return _sampling_declared(context)
        case "test_streaming_elicitation":
            await context.session.report_progress(0, 1, "to ask")
            return inputs.within(context.session.client_capabilities)
        case "test_tool_with_logging" | "test_logging_tool":
            await _log(context, "Tool execution started")
            await _log(context, "Tool processing data")
            await _log(context, "Tool execution completed")
        case "test_tool_with_progress":
            for done in (0, 50, 100):
                await context.session.report_progress(done, 100, f"{done} of 100")
        case "test_trigger_tool_change":
            await _bus.publish(ToolsListChanged())
        case "test_trigger_prompt_change":
            await _bus.publish(PromptsListChanged())
        case _:
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {name}")
    return said("done")


async def _log(context: Context, words: str) -> None:
    await context.session.send_log_message(  # type: ignore[deprecated]  # it is what is asked about
        "info", words, related_request_id=context.request_id
    )


def _sampling_declared(context: Context) -> CallToolResult:
    capabilities = context.session.client_capabilities
    if capabilities is None or capabilities.sampling is None:
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY,
            "This tool requires the client's capability sampling.",
            {"requiredCapabilities": {"sampling": {}}},
        )
    return said("declared")


async def _asked(context: Context, name: str, arguments: JSON) -> CallToolResult:
    """Ask the client during a call, which needs a connection that stays open."""
    metadata = ServerMessageMetadata(related_request_id=context.request_id)
    if name == "test_sampling":
        sample = inputs.sample(str(arguments.get("prompt", "")))
        sampled = await context.session.send_request(sample, CreateMessageResult, metadata=metadata)
        return said(f"LLM response: {sampled.content}")
    question = inputs.form(str(arguments.get("message", "Please choose")), content.FORMS[name])
    answer = await context.session.send_request(question, ElicitResult, metadata=metadata)
    return said(f"User response: action={answer.action}, content={answer.content}")


async def _list_resources(_: Context, __: PaginatedRequestParams | None) -> ListResourcesResult:
    return content.RESOURCES


async def _list_templates(
    _: Context, __: PaginatedRequestParams | None
) -> ListResourceTemplatesResult:
    return content.TEMPLATES


async def _read_resource(_: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
    uri = str(params.uri)
    found = content.resource(uri)
    if found is None:
        raise MCPError(INVALID_PARAMS, f"Resource not found: {uri}", {"uri": uri})
    return ReadResourceResult(contents=[found])


async def _list_prompts(_: Context, __: PaginatedRequestParams | None) -> ListPromptsResult:
    return content.PROMPTS


async def _get_prompt(
    _: Context, params: GetPromptRequestParams
) -> GetPromptResult | InputRequiredResult:
    if params.name == "test_input_required_result_prompt":
        got = params.input_responses or {}
        if "user_context" not in got:
            question = inputs.ask("What context should the prompt use?", "context")
            return InputRequiredResult(input_requests={"user_context": question})
        words = f"Use the following context: {inputs.asked(got['user_context'], 'context')}"
        return GetPromptResult(messages=[PromptMessage(role="user", content=content.text(words))])
    messages = content.prompt(params.name, params.arguments or {})
    if messages is None:
        raise MCPError(INVALID_PARAMS, f"Unknown prompt: {params.name}")
    return GetPromptResult(messages=messages)


async def _complete(_: Context, __: CompleteRequestParams) -> CompleteResult:
    return CompleteResult(completion=Completion(values=[], total=0, has_more=False))


async def _accept(_: Context, __: object) -> EmptyResult:
    return EmptyResult()
