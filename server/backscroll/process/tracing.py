"""Exports spans if OpenTelemetry's environment variables choose an exporter.

The OpenTelemetry specification defines these variables ("Environment Variable Specification" and
"OTLP Exporter Configuration"). OpenTelemetry's SDK reads the variables for the sampler, batches,
resource, endpoint, headers and certificates.
"""

import os
import sys
from collections.abc import Mapping
from importlib.metadata import entry_points, version
from typing import TYPE_CHECKING, Final

from backscroll.settings.parsing import SettingsError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

_EXPORTER: Final = "OTEL_TRACES_EXPORTER"
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_NAMES: Final = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}


def exporter_of(environ: Mapping[str, str] = os.environ) -> str:
    """Return the name of the chosen exporter, or an empty string if nothing is exported.

    Raises:
        SettingsError: the variables name an OTLP protocol that is not supported.
    """
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return ""
    named = environ.get(_EXPORTER, "").strip()
    if named in {"", "otlp"}:
        if not (named or any(environ.get(name) for name in _ENDPOINTS)):
            return ""
        protocol = next(filter(None, map(environ.get, _PROTOCOLS)), "http/protobuf")
        if protocol not in _NAMES:
            raise SettingsError(f"{_PROTOCOLS[1]} must be {' or '.join(_NAMES)}, not {protocol!r}.")
        return _NAMES[protocol]
    return "" if named == "none" else named


def configure() -> None:
    """Export spans until the process ends, if an exporter is chosen.

    Raises:
        SettingsError: as in `exporter_of`, or the chosen exporter is not installed.
    """
    name = exporter_of()
    if not name:
        return
    try:
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise SettingsError(_missing(name)) from None
    from opentelemetry.trace import set_tracer_provider

    # The environment overrides these values.
    defaults = Resource({"service.name": "backscroll", "service.version": version("backscroll")})
    resource = defaults.merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(_exporter(name)))
    set_tracer_provider(provider)


def _exporter(name: str) -> "SpanExporter":
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter(out=sys.stderr)  # on stdio, stdout carries MCP messages
    for found in entry_points(group="opentelemetry_traces_exporter", name=name):
        try:
            exporter: SpanExporter = found.load()()
        except ImportError:
            break
        return exporter
    raise SettingsError(_missing(name))


def _missing(name: str) -> str:
    from backscroll.settings.installation import how_to_add

    return (
        f"The OTEL_… variables choose the exporter {name!r}, which is not installed. "
        f"To install the OTLP exporters: {how_to_add('otel')}"
    )
