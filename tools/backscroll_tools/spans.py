"""Spans of OpenTelemetry around what a call does, where somebody records the call.

Names, counts, codes and durations: no text of a message, no id, no key, no header.
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
    """Record what happens in the context as a part of the span that is current.

    Args:
        name: of the span: one of few.
        attributes: known from the start.
        kind: `CLIENT` for what waits for another process.

    Yields:
        What takes further attributes. Where the current span is not recorded, or there is none,
        that is nothing's, at no cost to speak of.
    """
    if not get_current_span().is_recording():
        yield INVALID_SPAN
        return
    with _TRACER.start_as_current_span(
        name,
        kind=kind,
        attributes=attributes,
        record_exception=False,  # its text may quote a message
        set_status_on_exception=False,
    ) as recorded:
        try:
            yield recorded
        except ToolError as error:
            recorded.set_attribute("error.type", error.code)
            recorded.set_status(StatusCode.ERROR)
            raise
