"""A span of OpenTelemetry around each request of a client, with what became of it.

No name that a client made up, no argument, no text, no key and no header is in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
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
        "server/discover",
        "tools/call",
        "tools/list",
    }
)
_TRACE: Final = ("traceparent", "tracestate")
"""Where a caller says which trace a request belongs to (W3C Trace Context): in `_meta`, or in the
headers of its request."""


@dataclass(frozen=True, slots=True)
class RequestSpans:
    """Records each request, in the place of the SDK's own middleware.

    Attributes:
        tools: the names of tools, of which one may be part of a span's.
    """

    tools: frozenset[str]

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Record a request, and go on."""
        method = ctx.method if ctx.method in _METHODS else "other"
        told = {"mcp.method.name": method, "mcp.protocol.version": ctx.protocol_version}
        called = (ctx.params or {}).get("name") if method == "tools/call" else None
        tool = called if isinstance(called, str) and called in self.tools else ""
        if tool:
            told |= {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool}
        with _TRACER.start_as_current_span(
            f"{method} {tool}".strip(),
            context=_parent(ctx),
            kind=SpanKind.SERVER,
            attributes=told,
            record_exception=False,  # its text may quote a message
            set_status_on_exception=False,
        ) as span:
            try:
                return await call_next(ctx)
            except MCPError as error:
                span.set_attribute("error.type", str(error.error.code))
                span.set_status(StatusCode.ERROR)
                raise


def note_outcome(outcome: str, request_id: str) -> None:
    """Record how the call ended whose span is current.

    Args:
        outcome: `ok`, or what went wrong in one word.
        request_id: what the request is called in the log; empty on stdio.
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
    """Return the context that a caller's trace gives, or None where it names none."""
    for carrier in (ctx.meta, getattr(ctx.request, "headers", None)):
        if not isinstance(carrier, Mapping):
            continue
        given = {name: value for name in _TRACE if isinstance(value := carrier.get(name), str)}
        if "traceparent" in given:
            return extract(given)
    return None
