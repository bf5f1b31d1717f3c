"""Google's interactions are read like responses, although no list has them or their items."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backscroll.commands.doctor.probes import probe_all
from backscroll.mcp.toolsets import offered
from backscroll.settings.model import Settings
from backscroll_tools.client import interaction_steps
from backscroll_tools.client.profiles import GOOGLE
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from tests.upstreams import google
from tests.upstreams.covering import shows
from tests.upstreams.google import INPUT, OUTPUT, step
from tests.upstreams.peculiar import Answer, Exchange, answer
from tests.upstreams.test_anything import OBJECTS, VALUES
from tests.upstreams.test_sessions_anyhow import call, client_of
from tests.upstreams.world import KEY, world

SETTINGS = google.GOOGLE.settings
READ = {"completion_id": google.INTERACTION}
OF_IT = {"thread_id": google.INTERACTION}


def texts(page: JSON) -> list[tuple[str, str]]:
    return [(message["role"], message["text"]) for message in page["messages"]]


MESSAGES = [
    ("user", "text 0"),
    ("assistant", "text 5"),
    ("user", "text 6"),
    ("assistant", "text 7"),
]


@shows(google.GOOGLE)
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_the_input_and_the_output_are_messages_in_order(order: str) -> None:
    async with world(google.google(), SETTINGS) as upstream:
        whole = await upstream.call("get-chat-messages", **READ, order=order)
        pages = await upstream.pages("get-chat-messages", **READ, order=order, limit=1)
        asked = upstream.asked[0]

    expected = MESSAGES if order == "asc" else MESSAGES[::-1]
    assert texts(whole) == expected
    assert [each for page in pages for each in texts(page)] == expected
    assert whole["page"]["stopped_by"] == "end"
    assert "secret thoughts" not in str(whole)
    assert asked.query == (("include_input", "true"),)
    assert asked.headers[google.KEY_HEADER] == KEY
    assert "authorization" not in asked.headers


async def test_calls_and_results_of_tools_are_shown_on_request() -> None:
    async with world(google.google(), SETTINGS) as upstream:
        page = await upstream.call("get-chat-messages", **READ, items=True)

    assert page["messages"][1:3] == [
        {
            "id": "call_1",
            "role": "assistant",
            "type": "function_call",
            "text": '{"city":"Oslo"}',
            "name": "weather",
            "call_id": "call_1",
        },
        {
            "id": "input-3",
            "role": "tool",
            "type": "function_result",
            "text": "-3 °C",
            "name": "weather",
            "call_id": "call_1",
        },
    ]
    assert len(page["messages"]) == len(MESSAGES) + 2


async def test_a_message_is_read_with_those_around_it_and_with_its_files() -> None:
    async with world(google.google(), SETTINGS) as upstream:
        around = await upstream.call("get-chat-messages", **READ, around="input-6", limit=3)
        one = await upstream.call("get-message", **OF_IT, message_id="output-1")
        files = await upstream.call("list-message-files", **OF_IT, message_id="input-6")
        errors = [
            await upstream.error("get-chat-messages", completion_id="v1_none"),
            await upstream.error("get-chat-messages", **READ, around="input-99"),
            await upstream.error("get-message", **OF_IT, message_id="input-99"),
            await upstream.error("get-message", **OF_IT, message_id="input-1"),
        ]

    assert texts(around) == MESSAGES[1:]
    assert one["message"] == {"id": "output-1", "role": "assistant", "text": "text 7"}
    assert files["files"] == [{"id": "abc6", "message_id": "input-6"}]
    assert [error.code for error in errors] == ["not_found"] * 4


async def test_a_search_reads_one_interaction_and_asks_for_its_id() -> None:
    async with world(google.google(), SETTINGS) as upstream:
        page = await upstream.call("search-messages", query='"text 5"', **OF_IT)
        error = await upstream.error("search-messages", query="text")

    assert [(hit["id"], hit["role"]) for hit in page["hits"]] == [("input-5", "assistant")]
    assert error.code == "invalid_arguments"
    assert error.next_step == (
        "Call again with thread_id: the id of a thread, conversation, completion, response or "
        "interaction."
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"input": [{**step("user_input", "a"), "id": "s_1"}] * 2, "outputs": []},
            [("user", "a")],
        ),
        (
            {
                "input": [
                    {"type": "function_result", "call_id": "c", "result": "r"},
                    {"type": "function_result", "call_id": "c", "result": "r"},
                ]
            },
            [("tool", "r"), ("assistant", "text 7")],
        ),
        (
            {"input": [step("user_input", "a"), *OUTPUT]},
            [("user", "a"), ("assistant", "text 7")],
        ),
        (
            {"input": "a", "outputs": None, "steps": [step("user_input", "a"), *OUTPUT]},
            [("user", "a"), ("assistant", "text 7")],
        ),
        (
            {"input": [step("user_input", "a")] * 2},
            [("user", "a"), ("user", "a"), ("assistant", "text 7")],
        ),
    ],
    ids=["same id", "same result", "input has output", "steps have input", "said twice"],
)
async def test_items_that_a_chain_repeats_are_shown_once(
    fields: JSON, expected: list[tuple[str, str]]
) -> None:
    async with world(google.google(**fields), SETTINGS) as upstream:
        page = await upstream.call("get-chat-messages", **READ, items=True)

    assert texts(page) == expected


async def test_a_result_that_has_the_id_of_its_call_is_shown_too() -> None:
    said = [
        {"type": "search_call", "id": "c_1", "arguments": {"queries": ["a"]}},
        {"type": "search_result", "id": "c_1", "result": "found"},
        {"type": "hologram", "id": "c_1"},
        step("model_output", "b", id="c_1"),
    ]
    async with world(google.google(input="q", outputs=said), SETTINGS) as upstream:
        page = await upstream.call("get-chat-messages", **READ, items=True)

    assert [(each["id"], each["text"], each.get("call_id")) for each in page["messages"]] == [
        ("input-0", "q", None),
        ("c_1", "a", "c_1"),
        ("output-1", "found", "c_1"),
        ("output-3", "b", None),
    ]


@pytest.mark.parametrize(
    "said",
    [
        "a",
        {"type": "text", "text": "a"},
        ["a"],
        [{"type": "text", "text": "a"}],
        [{"role": "user", "content": "a"}],
        [{"role": "user", "parts": [{"text": "a"}]}],
        step("user_input", "a"),
    ],
    ids=str,
)
async def test_each_form_of_input_is_one_message(said: object) -> None:
    answered = {"role": "model", "content": "b"}
    async with world(google.google(input=said, outputs=[answered]), SETTINGS) as upstream:
        page = await upstream.call("get-chat-messages", **READ)

    assert texts(page) == [("user", "a"), ("assistant", "b")]


async def test_a_reply_that_is_no_interaction_is_an_error_that_says_so() -> None:
    async def answering(_: Exchange) -> Answer:
        return answer({"object": "list", "data": []})

    async with world(answering, SETTINGS) as upstream:
        error = await upstream.error("get-chat-messages", **READ)

    assert error.code == "upstream_invalid"


@pytest.mark.parametrize(
    ("completion_id", "message"),
    [
        ("thread_1", "completion_id is the id of a thread."),
        ("resp_1", "completion_id is the id of a response."),
    ],
)
async def test_an_id_of_another_kind_is_refused_without_a_request(
    completion_id: str, message: str
) -> None:
    async with world(google.google(), SETTINGS) as upstream:
        error = await upstream.error("get-chat-messages", completion_id=completion_id)

    assert (error.code, error.message) == ("invalid_arguments", message)
    assert error.next_step == "Pass the id of an interaction."
    assert upstream.asked == []


async def test_doctor_finds_that_interactions_are_served() -> None:
    async with world(google.google(), SETTINGS) as upstream:
        found = await probe_all(upstream.client)

    assert [(group.words, check.verdict) for group, check in found.items()] == [
        ("Google interactions", "ok")
    ]


async def test_doctor_says_how_to_test_an_upstream_that_refuses_unknown_ids() -> None:
    async def answering(_: Exchange) -> Answer:
        return answer({"error": {"code": 400, "message": "Invalid interaction."}}, 400)

    async with world(answering, SETTINGS) as upstream:
        [check] = (await probe_all(upstream.client)).values()

    assert check.verdict == "unclear"
    assert check.next_step == (
        "Try an existing id: backscroll call get-chat-messages completion_id=…"
    )


def test_no_list_and_no_tool_that_writes_is_offered() -> None:
    names = [tool.name for tool in offered(TOOLS, Settings(toolsets=("all",)), GOOGLE)]

    assert names == ["get-chat-messages", "list-message-files", "get-message", "search-messages"]


FIELDS = ("id", "role", "content", "parts", "text", "name", "arguments", "call_id", "result", "uri")
KINDS = (*(row["type"] for row in (*INPUT, *OUTPUT)), "text", "message", "x_call", None, 7)
STEPS = st.builds(
    lambda kind, fields: {**fields, "type": kind},
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4) | OBJECTS,
)


@settings(max_examples=20, deadline=None)
@given(asked=st.lists(STEPS, max_size=4) | VALUES, answered=st.lists(STEPS, max_size=4) | VALUES)
async def test_any_steps_are_a_page_with_ids_of_their_own(asked: object, answered: object) -> None:
    body = google.interaction(input=asked, outputs=answered)

    async def answering(_: Exchange) -> Answer:
        return answer(body)

    async with client_of(answering, GOOGLE) as client:
        page = await call(client, "get-chat-messages", **READ, items=True)

    found = interaction_steps.rows(body)
    assert found is not None
    ids = [row["id"] for row in found if isinstance(row, dict)]
    assert len(ids) == len(found) == len(set(ids))
    assert {message["id"] for message in page["messages"]} <= set(ids)
    assert page["page"]["stopped_by"] in {"end", "size"}
