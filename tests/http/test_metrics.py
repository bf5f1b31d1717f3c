"""The metrics of a server, and who may read them."""

from pathlib import Path

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from tests.http.serving import WAIT_S, call, post, running, settings_of
from tests.loopback import NO_TLS

TEXT = "canary text 9be2d1"
Labels = frozenset[tuple[str, str]]
Samples = dict[tuple[str, Labels], float]


async def scrape(
    origin: str, token: str = "", host: str = "localhost", **headers: str
) -> httpx2.Response:
    given = {"host": host, **headers, **({"authorization": f"Bearer {token}"} if token else {})}
    async with httpx2.AsyncClient(verify=NO_TLS, timeout=WAIT_S) as http:
        return await http.get(f"{origin}/metrics", headers=given)


def samples(response: httpx2.Response) -> Samples:
    """Return each number by its name and labels."""
    assert response.status_code == 200, response.text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


async def test_calls_are_counted_by_tool_and_outcome_with_what_they_cost(tmp_path: Path) -> None:
    async with running(settings_of(tmp_path)) as server:
        made = await call(server.url, "create-message", role="user", content=TEXT)
        thread_id = made["structuredContent"]["thread_id"]
        for _ in range(2):
            await call(server.url, "list-messages", thread_id=thread_id)
        await call(server.url, "list-messages", thread_id="thread_" + "0" * 24)
        await post(server.url, "tools/call", {"name": TEXT, "arguments": {}})
        response = await scrape(server.origin)

    found = samples(response)

    def number(name: str, **labels: str) -> float:
        return found[f"backscroll_{name}", frozenset(labels.items())]

    assert number("calls_total", tool="create-message", outcome="ok") == 1
    assert number("calls_total", tool="list-messages", outcome="ok") == 2
    assert number("calls_total", tool="list-messages", outcome="not_found") == 1
    assert number("calls_total", tool="unknown", outcome="unknown_tool") == 1
    assert number("call_seconds_count", tool="list-messages") == 3
    assert number("call_upstream_requests_sum", tool="list-messages") == 3
    assert number("call_upstream_requests_sum", tool="unknown") == 0
    assert number("pages_total", tool="list-messages", stopped_by="end") == 2
    assert number("upstream_retries_total") == 0
    assert number("upstream_reply_bytes_total") > 2 * len(TEXT)
    assert number("http_responses_total", status="200") == 4
    assert number("requests_in_progress") == 0
    assert found["process_resident_memory_bytes", frozenset()] > 0
    assert TEXT not in response.text
    assert thread_id not in response.text


async def test_only_callers_may_read_the_metrics(tmp_path: Path) -> None:
    async with running(settings_of(tmp_path, http_auth="token")) as server:
        unknown = await scrape(server.origin)
        known = await scrape(server.origin, await server.token(scopes="read"))

    assert unknown.status_code == 401
    assert known.status_code == 200


async def test_a_version_that_is_no_number_gets_the_usual_format(tmp_path: Path) -> None:
    async with running(settings_of(tmp_path)) as server:
        usual = await scrape(server.origin)
        for kind in ("text/plain", "application/openmetrics-text"):
            response = await scrape(server.origin, accept=f"{kind}; version=x")
            assert samples(response).keys() >= samples(usual).keys()
            assert response.headers["content-type"] == usual.headers["content-type"]


async def test_a_page_of_another_host_cannot_read_the_metrics(tmp_path: Path) -> None:
    async with running(settings_of(tmp_path)) as server:
        response = await scrape(server.origin, host="rebound.example")

    assert response.status_code == 421
