"""Spans go where OpenTelemetry's variables say, and contain no data of callers."""

import signal
from pathlib import Path

import pytest

from backscroll.process.tracing import exporter_of
from backscroll.settings.installation import how_to_add
from backscroll.settings.parsing import SettingsError
from tests.http.collector import Collector, Recorded, collecting
from tests.http.serving import call, post, refused, started

TEXT = "canary text 41c07b"
TRACE = "0af7651916cd43dd8448eb211c80319c"


async def traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Collector:
    """Return the spans of a write, a read, a failed read and a call of an unknown tool."""
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        async with started(tmp_path / "store.db") as server:
            made = await call(server.url, "create-message", role="user", content=TEXT)
            thread_id = made["structuredContent"]["thread_id"]
            params = {
                "name": "list-messages",
                "arguments": {"thread_id": thread_id},
                "_meta": {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"},
            }
            more = {"x-request-id": "request-7"}
            assert (await post(server.url, "tools/call", params, more=more)).status_code == 200
            await call(server.url, "list-messages", thread_id="thread_" + "0" * 24)
            await post(server.url, "tools/call", {"name": TEXT, "arguments": {}})
            server.tell(signal.SIGTERM)
            assert await server.ended() == 0
    assert not [body for body in collector.bodies if TEXT.encode() in body]
    assert not [body for body in collector.bodies if thread_id.encode() in body]
    return collector


def within(span: Recorded, spans: list[Recorded]) -> list[str]:
    """Return the names of a span and of those inside it, outermost first."""
    inside = [one for one in spans if one.parent_id == span.span_id]
    return [span.name, *(name for one in inside for name in within(one, spans))]


async def test_a_call_is_a_span_that_contains_its_walk_requests_and_queries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans = (await traced(tmp_path, monkeypatch)).spans()

    (read,) = (span for span in spans if span.trace_id.hex() == TRACE and span.name[0] == "t")
    assert within(read, spans) == [
        "tools/call list-messages",
        "walk",
        "GET threads",
        "database read",
    ]
    inside = {span.name: span.attributes for span in spans if span.trace_id.hex() == TRACE}
    assert inside["tools/call list-messages"] == {
        "mcp.method.name": "tools/call",
        "mcp.protocol.version": "2026-07-28",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "list-messages",
        "backscroll.outcome": "ok",
        "backscroll.request_id": "request-7",
    }
    assert inside["walk"] == {
        "backscroll.limit": 20,
        "backscroll.returned": 1,
        "backscroll.stopped_by": "end",
    }
    assert inside["GET threads"]["http.response.status_code"] == 200
    assert inside["database read"]["db.system.name"] == "sqlite"
    failed = [(span.name, span.attributes.get("error.type")) for span in spans if span.failed]
    assert failed == [
        ("walk", "not_found"),
        ("tools/call list-messages", "not_found"),
        ("tools/call", "-32602"),
    ]


@pytest.mark.parametrize(
    ("variables", "exporter"),
    [
        ({}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, "otlp_proto_http"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318"}, "otlp_proto_http"),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "otlp_proto_http"),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "otlp_proto_grpc",
        ),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, ""),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}, ""),
    ],
)
def test_the_standard_variables_choose_the_exporter(
    variables: dict[str, str], exporter: str
) -> None:
    assert exporter_of(variables) == exporter


def test_a_protocol_without_an_exporter_is_refused() -> None:
    variables = {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "smoke"}
    with pytest.raises(SettingsError, match="grpc or http/protobuf, not 'smoke'"):
        exporter_of(variables)


async def test_an_exporter_that_is_not_installed_stops_the_start_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")

    assert f"To install the OTLP exporters: {how_to_add('otel')}" in await refused(
        tmp_path / "store.db", "--port", "0"
    )
