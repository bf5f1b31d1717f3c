"""A URL can narrow what the operator allows, and never widens it."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll.http.narrowing import narrowed
from backscroll.settings.model import TOOLSETS, Settings
from tests.http.serving import ERAS, call, post, refusal_of, running, settings_of, text_of
from tests.inventory import NAMES, READERS


@pytest.mark.parametrize("era", ERAS)
async def test_a_url_may_ask_for_read_only(era: str, tmp_path: Path) -> None:
    async with running(settings_of(tmp_path)) as server:
        url = f"{server.url}?toolsets=messages&read_only=true"
        reading = await post(url, era=era)
        all_of_them = await post(server.url, era=era)
        refused = await call(url, "create-message", role="user", content="x")

    assert [tool["name"] for tool in reading.json()["result"]["tools"]] == READERS
    assert len(all_of_them.json()["result"]["tools"]) == len(NAMES)
    assert text_of(refused).startswith("read_only: ")


async def test_a_url_may_ask_for_shorter_results(tmp_path: Path) -> None:
    async with running(settings_of(tmp_path)) as server:
        content = {"role": "user", "content": "x" * 5_000}
        written = await call(server.url, "create-message", **content)
        thread_id = written["structuredContent"]["thread_id"]
        page = await call(f"{server.url}?result_chars=2000", "list-messages", thread_id=thread_id)
        whole = await call(server.url, "list-messages", thread_id=thread_id)

    assert page["structuredContent"]["page"]["stopped_by"] == "size"
    assert whole["structuredContent"]["page"]["stopped_by"] == "end"


async def test_a_parameter_that_breaks_its_rule_is_refused_with_the_reason(tmp_path: Path) -> None:
    known, words = "toolsets, read_only, result_chars", " or ".join(TOOLSETS)
    sentences = {
        "readonly=true": f"The URL has an unknown parameter. The parameters are: {known}.",
        "read_only=maybe": "read_only must be true or false, not 'maybe'.",
        "result_chars=1": "result_chars must be a whole number from 2000 to 200000, not '1'.",
        "toolsets=secret": f"toolsets must be {words}, not 'secret'.",
        "toolsets=": f"toolsets must be {words}, not ''.",
        "read_only=true&read_only=false": "The URL has the parameter read_only twice.",
        "read_only": "The query of the URL cannot be parsed.",
        f"x={'y' * 2048}": "The query of the URL cannot be parsed.",
    }
    async with running(settings_of(tmp_path)) as server:
        refused = {query: refusal_of(await post(f"{server.url}?{query}")) for query in sentences}

    assert refused == {query: (400, sentence) for query, sentence in sentences.items()}


@pytest.mark.parametrize("era", ERAS)
async def test_a_url_with_a_slash_at_its_end_is_the_same_endpoint(era: str, tmp_path: Path) -> None:
    async with running(settings_of(tmp_path, http_auth="token")) as server:
        token = await server.token()
        url = f"{server.url}/"
        listed = await post(f"{url}?read_only=true", era=era, token=token)
        unnamed = await post(url, era=era)
        elsewhere = await post(url, era=era, token=token, more={"host": "evil.example"})

    assert [tool["name"] for tool in listed.json()["result"]["tools"]] == READERS
    assert (unnamed.status_code, elsewhere.status_code) == (401, 421)


@pytest.mark.parametrize("path", ["", "/", "/sse", "/mcp/x", "//mcp", "/MCP"])
async def test_another_path_is_refused_with_the_path_of_the_endpoint(
    path: str, tmp_path: Path
) -> None:
    async with running(settings_of(tmp_path)) as server:
        refused = refusal_of(await post(server.origin + path))

    assert refused == (404, "Nothing is served at this path. The path of the MCP endpoint is /mcp.")


@given(
    toolsets=st.sampled_from([("messages",), ("all",)]),
    read_only=st.booleans(),
    result_chars=st.integers(2_000, 200_000),
    asked=st.fixed_dictionaries(
        {},
        optional={
            "toolsets": st.sampled_from(["messages", "all", "messages,all"]),
            "read_only": st.sampled_from(["true", "false"]),
            "result_chars": st.integers(2_000, 200_000).map(str),
        },
    ),
)
def test_no_url_widens_what_is_allowed(
    toolsets: tuple[str, ...], read_only: bool, result_chars: int, asked: dict[str, str]
) -> None:
    settings = Settings(toolsets=toolsets, read_only=read_only, result_chars=result_chars)
    query = "&".join(f"{name}={value}" for name, value in asked.items())

    less: Any = narrowed(settings, query.encode())

    assert less.result_chars <= settings.result_chars
    assert less.read_only or not settings.read_only
    assert "all" in settings.toolsets or set(less.toolsets) <= set(settings.toolsets)
