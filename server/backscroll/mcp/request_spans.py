"""Records an OpenTelemetry span for each request, with the outcome of the request.

A span contains no text that a client chose, such as an argument or the name of an unknown tool. A
span also contains no message text, key or header.
"""

from collections.abc import Mapping
from typing import Any, Final

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from msgspec import Struct
from opentelemetry.context import Context
from opentelemetry.propagate import extract
from opentelemetry.trace import SpanKind, StatusCode, get_current_span, get_tracer

_TRACER: Final = get_tracer("backscroll")
_METHODS: Final = frozenset(
    {
        "initialize",
        "notifications/cancelled",
        "notifications/initialized",
        "ping",
        "resources/list",
        "resources/read",
        "resources/templates/list",
        "server/discover",
        "skills/get",
        "skills/list",
        "tools/call",
        "tools/list",
    }
)
_TRACE: Final = ("traceparent", "tracestate")
"""The `_meta` fields or HTTP headers that have a request's trace context (W3C Trace Context)."""


class RequestSpans(Struct, frozen=True):
    """Middleware that records a span for each request. It replaces the SDK's middleware.

    Attributes:
        tools: the names of tools that may appear in the names of spans.
    """

    tools: frozenset[str]

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Handle a request, and record a span for it."""
        method = ctx.method if ctx.method in _METHODS else "other"
        attributes = {"mcp.method.name": method, "mcp.protocol.version": ctx.protocol_version}
        called = (ctx.params or {}).get("name") if method == "tools/call" else None
        tool = called if isinstance(called, str) and called in self.tools else ""
        if tool:
            attributes |= {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool}
        with _TRACER.start_as_current_span(
            f"{method} {tool}".strip(),
            context=_parent(ctx),
            kind=SpanKind.SERVER,
            attributes=attributes,
            record_exception=False,  # an exception's text may quote a message
            set_status_on_exception=False,
        ) as span:
            try:
                return await call_next(ctx)
            except MCPError as error:
                span.set_attribute("error.type", str(error.error.code))
                span.set_status(StatusCode.ERROR)
                raise


def record_outcome(outcome: str, request_id: str) -> None:
    """Record the outcome of a call on the current span.

    Args:
        outcome: `ok`, or one word for the error.
        request_id: the id of the request in the log; empty on stdio.
    """
    span = get_current_span()
    if not span.is_recording():
        return
    span.set_attribute("backscroll.outcome", outcome)
    if request_id:
        span.set_attribute("backscroll.request_id", request_id)
    if outcome != "ok":
        span.set_attribute("error.type", outcome)
        span.set_status(StatusCode.ERROR)


def _parent(ctx: ServerRequestContext[Any, Any]) -> Context | None:
    """Return the trace context that a caller sent, or None."""
    for carrier in (ctx.meta, getattr(ctx.request, "headers", None)):
        if not isinstance(carrier, Mapping):
            continue
        given = {name: value for name in _TRACE if isinstance(value := carrier.get(name), str)}
        if "traceparent" in given:
            return extract(given)
    return None
