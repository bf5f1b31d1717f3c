"""History providers of the Microsoft Agent Framework, with the framework and a real store."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from agent_framework import (
    Agent,
    AgentSession,
    BaseChatClient,
    ChatResponse,
    Content,
    FunctionInvocationLayer,
    Message,
    tool,
)

from backscroll_tools.models import JSON
from backscroll_tools.sessions.agent_framework import BackscrollHistoryProvider
from tests.tools.sessions.stage import Stage, at_once, ten_each

MIXED = [
    Message("system", ["Be brief."], message_id="m_1"),
    Message(
        "user",
        ["What is this?", Content.from_uri("https://example.com/a.png", media_type="image/png")],
        author_name="Ann",
        additional_properties={"from": "phone"},
    ),
    Message(
        "assistant",
        [
            Content.from_text_reasoning(text="Hmm"),
            Content.from_text("Let me see."),
            Content.from_function_call("call_1", "look", arguments={"at": 1}),
            Content.from_function_call("call_2", "look", arguments='{"at": 2}'),
        ],
    ),
    Message(
        "tool",
        [
            Content.from_function_result("call_1", result="a cat"),
            Content.from_function_result("call_2", result={"kind": "dog"}),
        ],
    ),
    Message("assistant", []),
]


def dumped(messages: Sequence[Message]) -> list[JSON]:
    return [message.to_dict() for message in messages]


def said(*texts: object) -> list[Message]:
    return [Message("user", [str(text)]) for text in texts]


def texts(messages: Sequence[Message]) -> list[str]:
    return [message.text for message in messages]


async def test_messages_come_back_as_they_were_saved(stage: Stage) -> None:
    provider = BackscrollHistoryProvider(stage.client)
    assert await provider.get_messages("chat") == []

    await provider.save_messages("chat", MIXED)

    elsewhere = BackscrollHistoryProvider(stage.other)
    assert dumped(await elsewhere.get_messages("chat")) == dumped(MIXED)
    assert await elsewhere.get_messages("another") == []


async def test_every_tool_reads_them(stage: Stage) -> None:
    await BackscrollHistoryProvider(stage.client).save_messages("chat", MIXED)

    assert await stage.shown() == [
        ("system", "Be brief."),
        ("user", "What is this?"),
        ("assistant", "Let me see."),
        ("assistant", '{"at":1}'),
        ("assistant", '{"at": 2}'),
        ("tool", "a cat"),
        ("tool", '{"kind": "dog"}'),
    ]
    assert await stage.found("see") == ["Let me **see**."]


async def test_without_a_session_there_is_no_history(stage: Stage) -> None:
    provider = BackscrollHistoryProvider(stage.client)

    assert await provider.get_messages(None) == []
    with pytest.raises(ValueError, match="run the agent with a session"):
        await provider.save_messages(None, MIXED)


async def test_250_messages_are_read_in_order(stage: Stage) -> None:
    provider = BackscrollHistoryProvider(stage.client)
    await provider.save_messages("chat", said(*range(250)))

    assert texts(await provider.get_messages("chat")) == [*map(str, range(250))]


async def test_messages_that_are_saved_again_after_a_failure_are_written_once(
    stage: Stage,
) -> None:
    provider = BackscrollHistoryProvider(stage.client)

    await stage.despite_lost_replies(lambda: provider.save_messages("chat", MIXED))
    await stage.with_every_second_reply_lost(
        lambda: provider.save_messages("chat", said(*range(45)))
    )
    await provider.save_messages("chat", MIXED)

    expected = dumped([*MIXED, *said(*range(45)), *MIXED])
    assert dumped(await provider.get_messages("chat")) == expected


async def test_two_programs_that_begin_one_session_lose_nothing(stage: Stage) -> None:
    providers = [BackscrollHistoryProvider(client) for client in (stage.client, stage.other)]

    additions = ten_each(providers)
    await at_once(*(provider.save_messages("chat", said(text)) for provider, text in additions))

    assert sorted(texts(await providers[0].get_messages("chat"))) == sorted(
        text for _, text in additions
    )


async def test_messages_of_other_programs_are_read_as_text(stage: Stage) -> None:
    made = await stage.conversation_of_others()

    found = await BackscrollHistoryProvider(stage.client).get_messages(made)

    assert [(each.role, each.text) for each in found] == [
        ("user", "Hello"),
        ("assistant", "Hi"),
        ("developer", "Be brief"),
    ]


class Scripted(FunctionInvocationLayer[Any], BaseChatClient[Any]):
    """A model that calls a tool, and then answers with the number of messages that it was sent."""

    async def _inner_get_response(
        self,
        *,
        messages: Sequence[Message],
        stream: bool,  # noqa: ARG002 - as the framework has it
        options: Mapping[str, Any],  # noqa: ARG002 - likewise
        **_: Any,  # noqa: ANN401 - likewise
    ) -> ChatResponse:
        if any(content.type == "function_result" for content in messages[-1].contents):
            return ChatResponse(messages=[Message("assistant", [f"{len(messages)} messages"])])
        asked = Content.from_function_call(f"call_{len(messages)}", "clock", arguments="{}")
        return ChatResponse(messages=[Message("assistant", [asked])])


async def test_an_agent_remembers_earlier_runs(stage: Stage) -> None:
    @tool(approval_mode="never_require")
    def clock() -> str:
        """Return the time."""
        return "noon"

    answers = []
    for question, client in (("One", stage.client), ("Two", stage.other)):
        provider = BackscrollHistoryProvider(client)
        agent = Agent(Scripted(), tools=[clock], context_providers=[provider])
        answer = await agent.run(question, session=AgentSession(session_id="chat"))
        answers.append(answer.text)

    assert answers == ["3 messages", "7 messages"]
    assert await stage.shown() == [
        ("user", "One"),
        ("assistant", "{}"),
        ("tool", "noon"),
        ("assistant", "3 messages"),
        ("user", "Two"),
        ("assistant", "{}"),
        ("tool", "noon"),
        ("assistant", "7 messages"),
    ]
