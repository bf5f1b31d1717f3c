"""Records the steps of a call as OpenTelemetry spans, if tracing is on.

Spans contain names, counts, codes and durations. They never contain message text, ids, keys or
headers.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry.trace import (
    INVALID_SPAN,
    Span,
    SpanKind,
    StatusCode,
    get_current_span,
    get_tracer,
)

from backscroll_tools.errors import ToolError

_TRACER: Final = get_tracer("backscroll_tools")


@contextmanager
def span(
    name: str,
    attributes: Mapping[str, str | int] | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
) -> Iterator[Span]:
    """Record the body of the `with` statement as a child of the current span.

    Args:
        name: the name of the span, from a small fixed set.
        attributes: the attributes that the span has from the start.
        kind: `CLIENT` if the span waits for another process.

    Yields:
        The span. Attributes can be added to it. If the current span is not recorded, this is
        `INVALID_SPAN`, which ignores attributes.
    """
    if not get_current_span().is_recording():
        yield INVALID_SPAN
        return
    with _TRACER.start_as_current_span(
        name,
        kind=kind,
        attributes=attributes,
        record_exception=False,  # an exception's text may quote a message
        set_status_on_exception=False,
    ) as recorded:
        try:
            yield recorded
        except ToolError as error:
            recorded.set_attribute("error.type", error.code)
            recorded.set_status(StatusCode.ERROR)
            raise
