"""Sessions of the OpenAI Agents SDK, with the SDK itself and a real store."""

from collections.abc import Sequence
from typing import Any, cast

import agents
import pytest
from agents import Agent, RunConfig, Runner, SessionSettings, function_tool
from agents.items import ModelResponse, TResponseInputItem
from agents.usage import Usage
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)

from backscroll_tools.errors import ToolError
from backscroll_tools.sessions.langchain import BackscrollChatMessageHistory
from backscroll_tools.sessions.openai_agents import BackscrollSession
from tests.tools.sessions.stage import Stage, at_once

MIXED = cast(
    "list[TResponseInputItem]",
    [
        {"role": "user", "content": "What is the weather?"},
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "abc"},
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_1",
            "name": "weather",
            "arguments": '{"city": "Rome"}',
            "status": "completed",
        },
        {"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Sunny.", "annotations": []}],
        },
    ],
)


def said(*texts: object) -> list[TResponseInputItem]:
    return [{"role": "user", "content": str(text)} for text in texts]


def texts(items: Sequence[TResponseInputItem]) -> list[str]:
    return [str(cast("Any", item)["content"]) for item in items]


async def test_items_come_back_as_they_were_added(stage: Stage) -> None:
    session = BackscrollSession("chat", stage.client)
    assert isinstance(session, agents.Session)
    assert await session.get_items() == []

    await session.add_items(MIXED)

    assert await BackscrollSession("chat", stage.other).get_items() == MIXED
    assert await BackscrollSession("another", stage.other).get_items() == []


async def test_every_tool_reads_them(stage: Stage) -> None:
    await BackscrollSession("chat", stage.client).add_items(MIXED)

    assert await stage.shown() == [
        ("user", "What is the weather?"),
        ("developer", "Be"),
        ("assistant", '{"city": "Rome"}'),
        ("tool", "sunny"),
        ("assistant", "Sunny."),
    ]
    assert await stage.found("weather") == ["What is the **weather**?"]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(None, range(250)), (1, range(249, 250)), (120, range(130, 250)), (999, range(250)), (0, ())],
)
async def test_a_limit_keeps_the_newest_items_oldest_first(
    stage: Stage, limit: int | None, expected: Sequence[int]
) -> None:
    session = BackscrollSession("chat", stage.client)
    await session.add_items(said(*range(250)))

    assert texts(await session.get_items(limit)) == [*map(str, expected)]


async def test_the_limit_of_the_settings_holds_without_another_one(stage: Stage) -> None:
    session = BackscrollSession("chat", stage.client, SessionSettings(limit=2))
    await session.add_items(said(1, 2, 3))

    assert texts(await session.get_items()) == ["2", "3"]
    assert texts(await session.get_items(1)) == ["3"]


async def test_the_newest_item_is_popped_until_none_is_left(stage: Stage) -> None:
    session = BackscrollSession("chat", stage.client)
    await session.add_items(MIXED)

    popped = [await session.pop_item() for _ in range(len(MIXED) + 1)]

    assert popped == [*reversed(MIXED), None]
    assert await session.get_items() == []


async def test_a_cleared_session_begins_again(stage: Stage) -> None:
    session, elsewhere = (BackscrollSession("chat", each) for each in (stage.client, stage.other))
    await session.add_items(said(1))
    await elsewhere.add_items(said(2))

    await session.clear_session()

    assert await elsewhere.get_items() == []
    await elsewhere.add_items(said(3))
    await session.add_items(said(4))
    assert texts(await elsewhere.get_items()) == ["3", "4"]


async def test_an_addition_that_is_repeated_after_a_failure_is_written_once(stage: Stage) -> None:
    session = BackscrollSession("chat", stage.client)
    await session.add_items(said("before"))
    items = said(*range(45))

    await stage.despite_lost_replies(lambda: session.add_items(items))
    await session.add_items(said("after", "after"))
    await session.add_items(said("after"))

    expected = ["before", *map(str, range(45)), "after", "after", "after"]
    assert texts(await session.get_items()) == expected


async def test_lost_replies_neither_add_nor_remove_anything_twice(stage: Stage) -> None:
    session = BackscrollSession("chat", stage.client)

    await stage.with_every_second_reply_lost(lambda: session.add_items(said(*range(45))))
    popped = await stage.with_every_second_reply_lost(session.pop_item)

    assert popped == said(44)[0]
    assert texts(await session.get_items()) == [*map(str, range(44))]


async def test_popping_again_after_a_failure_removes_no_second_item(stage: Stage) -> None:
    session = BackscrollSession("chat", stage.client)
    await session.add_items(said(1, 2))

    assert await stage.despite_lost_replies(session.pop_item) == said(2)[0]
    assert texts(await session.get_items()) == ["1"]


async def test_two_programs_that_begin_one_session_lose_nothing(stage: Stage) -> None:
    sessions = [
        BackscrollSession("chat", client) for client in (stage.client, stage.other) for _ in "12"
    ]

    await at_once(
        *(
            session.add_items(said(*(f"{number} {each} {at}" for at in range(3))))
            for number, session in enumerate(sessions)
            for each in range(5)
        )
    )

    stored = texts(await sessions[0].get_items())
    triples = [stored[at : at + 3] for at in range(0, len(stored), 3)]
    expected = [
        [f"{number} {each} {at}" for at in range(3)] for number in range(4) for each in range(5)
    ]
    assert sorted(triples) == expected
    assert len((await stage.tool("list-threads"))["threads"]) == 1


async def test_two_programs_that_pop_get_different_items(stage: Stage) -> None:
    session, elsewhere = (BackscrollSession("chat", each) for each in (stage.client, stage.other))
    await session.add_items(said(*range(10)))
    popped: list[TResponseInputItem | None] = []

    async def pop(each: BackscrollSession) -> None:
        popped.append(await each.pop_item())

    await at_once(*(pop(each) for each in (session, elsewhere) for _ in range(5)))

    assert sorted(texts([each for each in popped if each])) == [*map(str, range(10))]
    assert await session.get_items() == []


async def test_a_conversation_that_exists_is_a_session(stage: Stage) -> None:
    made = await stage.conversation({"role": "user", "content": "Hello"})
    session = BackscrollSession(made, stage.client)
    await session.add_items(MIXED[:1])

    assert await session.get_items() == [
        {
            "type": "message",
            "role": "user",
            "status": "completed",
            "content": [{"type": "input_text", "text": "Hello"}],
        },
        MIXED[0],
    ]
    await session.clear_session()
    assert await session.get_items() == []
    await session.add_items(MIXED)
    assert await session.get_items() == MIXED


async def test_what_another_framework_has_added_can_be_sent_to_a_model(stage: Stage) -> None:
    history = BackscrollChatMessageHistory("chat", stage.other)
    calls = [{"name": "look", "args": {"at": 1}, "id": "call_1"}]
    await history.aadd_messages(
        [
            HumanMessage("What?"),
            AIMessage("", tool_calls=calls),
            ToolMessage("a cat", tool_call_id="call_1"),
        ]
    )
    (listed,) = (await stage.tool("list-threads"))["threads"]

    session = BackscrollSession(listed["id"], stage.client)

    assert await session.get_items() == [
        {
            "type": "message",
            "role": "user",
            "status": "completed",
            "content": [{"type": "input_text", "text": "What?"}],
        },
        {
            "type": "function_call",
            "call_id": "call_1",
            "name": "look",
            "arguments": '{"at":1}',
            "status": "completed",
        },
        {
            "type": "function_call_output",
            "call_id": "call_1",
            "output": "a cat",
            "status": "completed",
        },
    ]


@pytest.mark.parametrize("name", ["", "a" * 513])
def test_a_name_has_1_to_512_characters(stage: Stage, name: str) -> None:
    with pytest.raises(ToolError, match="a session's session has 1 to 512"):
        BackscrollSession(name, stage.client)


class Scripted(agents.Model):
    """A model that calls a tool, and then answers with the number of items that it was sent."""

    async def get_response(self, *args: Any, **kwargs: Any) -> ModelResponse:  # noqa: ANN401 - as the SDK has it
        sent = (*args, *kwargs.values())[1]
        is_answered = sent[-1].get("type") == "function_call_output"
        output: Any = ResponseFunctionToolCall(
            arguments="{}", call_id=f"call_{len(sent)}", name="clock", type="function_call"
        )
        if is_answered:
            text = ResponseOutputText(text=f"{len(sent)} items", type="output_text", annotations=[])
            output = ResponseOutputMessage(
                id="msg_x", content=[text], role="assistant", status="completed", type="message"
            )
        return ModelResponse(output=[output], usage=Usage(), response_id=None)

    def stream_response(self, *_args: Any, **_kwargs: Any) -> Any:  # noqa: ANN401 - as the SDK has it
        raise NotImplementedError


async def test_an_agent_remembers_earlier_runs(stage: Stage) -> None:
    @function_tool
    def clock() -> str:
        """Return the time."""
        return "noon"

    agent = Agent("Keeper", model=Scripted(), tools=[clock])
    untraced = RunConfig(tracing_disabled=True)
    sessions = [BackscrollSession("chat", client) for client in (stage.client, stage.other)]
    first = await Runner.run(agent, "One", session=sessions[0], run_config=untraced)
    second = await Runner.run(agent, "Two", session=sessions[1], run_config=untraced)

    assert (first.final_output, second.final_output) == ("3 items", "7 items")
    assert await stage.shown() == [
        ("user", "One"),
        ("assistant", "{}"),
        ("tool", "noon"),
        ("assistant", "3 items"),
        ("user", "Two"),
        ("assistant", "{}"),
        ("tool", "noon"),
        ("assistant", "7 items"),
    ]
