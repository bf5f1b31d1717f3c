"""What a test records of the product's spans."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, get_tracer, get_tracer_provider, set_tracer_provider

Recorded: TypeAlias = tuple[str, SpanKind, dict[str, object]]
"""The name, the kind and the attributes of a span."""


@contextmanager
def recording() -> Iterator[list[Recorded]]:
    """Record the spans inside the context. The list is filled when the context ends."""
    provider = get_tracer_provider()
    if not isinstance(provider, TracerProvider):  # a process has one, and nothing takes it away
        provider = TracerProvider()
        set_tracer_provider(provider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    recorded: list[Recorded] = []
    try:
        with get_tracer("tests").start_as_current_span("test"):
            yield recorded
    finally:
        exporter.shutdown()
        recorded += [
            (span.name, span.kind, dict(span.attributes or {}))
            for span in exporter.get_finished_spans()
            if span.name != "test"
        ]
