"""What `make hosts` does without a host: the scripted model in each API, and the report."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from bench.hosts import apis, report
from bench.hosts.apis.api import Api
from bench.hosts.model import Model, served
from bench.hosts.results import Sent, shown, tools
from bench.hosts.script import DONE, Output, Request, Step, Tool

STEPS = (Step("call_1", "list-messages", {"thread_id": "thread_1"}),)
SCHEMA = {"type": "object", "properties": {"thread_id": {"type": "string"}}}


def chat(output: str) -> tuple[str, dict[str, Any]]:
    function = {"name": "backscroll_list-messages", "description": "Read.", "parameters": SCHEMA}
    answered = {"role": "tool", "tool_call_id": "call_1", "content": output}
    return "/v1/chat/completions", {
        "stream": True,
        "tools": [{"type": "function", "function": function}],
        "messages": [{"role": "user", "content": "Go."}, *([answered] if output else [])],
    }


def gemini(output: str) -> tuple[str, dict[str, Any]]:
    declared = {
        "name": "mcp_backscroll_list-messages",
        "description": "Read.",
        "parametersJsonSchema": SCHEMA,
    }
    response = {"id": "call_1", "name": declared["name"], "response": {"output": output}}
    answered = {"role": "user", "parts": [{"functionResponse": response}]}
    return "/v1beta/models/any:streamGenerateContent?alt=sse", {
        "tools": [{"functionDeclarations": [declared]}],
        "contents": [{"role": "user", "parts": [{"text": "Go."}]}, *([answered] if output else [])],
    }


def messages(output: str) -> tuple[str, dict[str, Any]]:
    tool = {
        "name": "mcp__backscroll__list-messages",
        "description": "Read.",
        "input_schema": SCHEMA,
    }
    parts = [{"type": "text", "text": output}]
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": parts}
    answered = {"role": "user", "content": [result]}
    return "/v1/messages?beta=true", {
        "stream": True,
        "tools": [tool],
        "messages": [{"role": "user", "content": "Go."}, *([answered] if output else [])],
    }


def responses(output: str) -> tuple[str, dict[str, Any]]:
    tool = {
        "type": "function",
        "name": "list_messages",
        "description": "Read.",
        "parameters": SCHEMA,
    }
    answered = {"type": "function_call_output", "call_id": "call_1", "output": output}
    return "/v1/responses", {
        "stream": True,
        "tools": [{"type": "namespace", "name": "mcp__backscroll", "tools": [tool]}],
        "input": [{"type": "message", "role": "user"}, *([answered] if output else [])],
    }


def asked(model: Model, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the data of each event of the answer."""
    answer = httpx2.post(f"{model.address}{path}", json=body, trust_env=False)
    assert answer.headers["content-type"] == "text/event-stream"
    data = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
    return [json.loads(each) for each in data if each != "[DONE]"]


@pytest.mark.parametrize(
    ("api", "asking", "name"),
    [
        (apis.CHAT_COMPLETIONS, chat, "backscroll_list-messages"),
        (apis.GEMINI, gemini, "mcp_backscroll_list-messages"),
        (apis.MESSAGES, messages, "mcp__backscroll__list-messages"),
        (apis.RESPONSES, responses, "list_messages"),
    ],
    ids=["chat", "gemini", "messages", "responses"],
)
def test_the_model_calls_the_tool_and_then_answers_in_the_hosts_own_api(
    api: Api, asking: Callable[[str], tuple[str, dict[str, Any]]], name: str
) -> None:
    with served(api, STEPS) as model:
        called = asked(model, *asking(""))
        ended = asked(model, *asking("Hello"))

    assert json.dumps(name) in json.dumps(called)
    assert "thread_1" in json.dumps(called)
    assert DONE not in json.dumps(called)
    assert DONE in json.dumps(ended)
    first, last = model.requests
    assert [(tool.name, tool.description, tool.schema) for tool in first.tools] == [
        (name, "Read.", SCHEMA)
    ]
    assert (first.outputs, last.outputs) == ([], [Output("call_1", "Hello")])


def test_the_model_searches_for_a_tool_that_the_host_has_deferred() -> None:
    tool = {"name": "mcp__backscroll__list-messages", "input_schema": SCHEMA, "defer_loading": True}
    search = {"name": "ToolSearch", "input_schema": {"properties": {"query": {}}}}
    body = {"stream": True, "tools": [search, tool], "messages": []}
    with served(apis.MESSAGES, STEPS) as model:
        events = asked(model, "/v1/messages", body)

    assert events[1]["content_block"]["name"] == "ToolSearch"
    assert "backscroll list messages" in events[2]["delta"]["partial_json"]


def test_the_model_keeps_the_name_of_a_machine_that_a_host_asks_it_for_as_a_proxy() -> None:
    with served(apis.MESSAGES, STEPS) as model:
        client = httpx2.Client(proxy=model.address, trust_env=False)
        with client, pytest.raises(httpx2.ProxyError):
            client.get("https://vendor.example/")

    assert model.other == ["CONNECT vendor.example:443"]


def test_a_result_is_told_by_the_part_that_the_model_got() -> None:
    structured = {"messages": [{"id": "msg_1"}]}
    answers = {step: Sent("AB 1 message\nHello", structured) for step in "abcd"}
    outputs = [
        Output("a", "Output:\nWS 1 message\nHello"),
        Output("b", f"Output: {json.dumps(structured)}"),
        Output("c", '{"messages":[{"id": "msg_'),
        Output("d", "Saved to a file."),
    ]
    found = shown(Model(requests=[Request([], outputs)]), answers)

    assert [(each.part, each.whole) for each in found] == [
        ("text", True),
        ("structured", True),
        ("structured", False),
        ("neither", False),
    ]


def test_a_tool_is_told_by_what_the_host_made_of_it() -> None:
    listed = {
        "name": "list-messages",
        "description": "Read.",
        "inputSchema": {"properties": {"limit": {"type": "integer", "maximum": 5}}},
    }
    schema = {"properties": {"limit": {"type": "integer"}}}
    search = Tool("tool_search", "", {})
    found = Tool("list_messages", "Read.", schema, "mcp__backscroll")
    requests = [Request([search], []), Request([search, found], [Output("call_1", "Hello")])]
    (tool,) = tools(Model(requests=requests), [listed])

    assert (tool.called, tool.deferred, tool.described, tool.lost) == (
        "mcp__backscroll.list_messages",
        True,
        True,
        ("maximum",),
    )


def test_the_report_shows_each_run_and_why_a_host_did_not_run() -> None:
    cut = {"part": "text", "whole": False, "tokens": 1_234}
    ran = {
        "title": "Codex", "version": "1.2", "note": "", "tool_tokens": 9, "lost": ["minimum"],
        "elsewhere": ["vendor.example:443"],
        "tools": [{"deferred": True}, {"deferred": False}],
        "runs": [{"settings": "none", "shown": {"short": cut}}],
    }  # fmt: skip
    rule = {"title": "goose", "shows": "text", "settings": [], "tokens": 400, "without": 700}
    text = report.section(
        {
            "date": "2026-11-29",
            "hosts": [ran, {"title": "Other", "failure": "it is not installed."}],
            "rules": {"samples": 3, "hosts": [rule]},
        }
    )

    assert "| Codex 1.2 | 2 | 1 | 9 | `minimum` |" in text
    assert "| Codex | none | text, cut, 1,234 tokens | nothing | nothing |" in text
    assert "- Other did not run: it is not installed." in text
    assert "Codex (vendor.example:443)" in text
    assert "| goose | text | none | 400 | 700 |" in text
