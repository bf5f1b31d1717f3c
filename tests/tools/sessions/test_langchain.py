"""Chat message histories of LangChain, with LangChain itself and a real store."""

import asyncio
from collections.abc import Sequence

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.runnables import RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory

from backscroll_tools.errors import ToolError
from backscroll_tools.sessions.langchain import BackscrollChatMessageHistory
from tests.tools.opened import opened
from tests.tools.sessions.stage import Stage, at_once, ten_each

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
MIXED: list[BaseMessage] = [
    SystemMessage("Be brief.", id="s"),
    HumanMessage([{"type": "text", "text": "What is this?"}, IMAGE], name="Ann"),
    AIMessage(
        "Let me see.",
        tool_calls=[
            {"name": "look", "args": {"at": 1}, "id": "call_1"},
            {"name": "look", "args": {"at": 2}, "id": "call_2"},
        ],
        usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
        response_metadata={"model_name": "m"},
    ),
    ToolMessage("a cat", tool_call_id="call_1", artifact={"score": 0.5}),
    ToolMessage("a dog", tool_call_id="call_2", status="error"),
    FunctionMessage("a bird", name="look"),
    AIMessage("", additional_kwargs={"refusal": "No."}),
    RemoveMessage("s"),
]


def said(*texts: object) -> list[BaseMessage]:
    return [HumanMessage(str(text)) for text in texts]


def texts(messages: Sequence[BaseMessage]) -> list[str]:
    return [message.text for message in messages]


async def test_messages_come_back_as_they_were_added(stage: Stage) -> None:
    history = BackscrollChatMessageHistory("chat", stage.client)
    assert await history.aget_messages() == []

    await history.aadd_messages(MIXED)

    assert await BackscrollChatMessageHistory("chat", stage.other).aget_messages() == MIXED
    assert await BackscrollChatMessageHistory("another", stage.other).aget_messages() == []


async def test_every_tool_reads_them(stage: Stage) -> None:
    await BackscrollChatMessageHistory("chat", stage.client).aadd_messages(MIXED)

    assert await stage.shown() == [
        ("system", "Be brief."),
        ("user", "What is this?"),
        ("assistant", "Let me see."),
        ("assistant", '{"at":1}'),
        ("assistant", '{"at":2}'),
        ("tool", "a cat"),
        ("tool", "a dog"),
        ("user", "a bird"),
    ]
    assert await stage.found("see") == ["Let me **see**."]


async def test_the_synchronous_methods_do_the_same_in_any_thread(stage: Stage) -> None:
    history = BackscrollChatMessageHistory("chat", stage.client)

    def work() -> tuple[list[BaseMessage], list[BaseMessage]]:
        history.add_messages(MIXED)
        history.add_user_message("Bye")
        there = history.messages
        history.clear()
        return there, history.messages

    there, left = await asyncio.to_thread(work)
    assert (there, left) == ([*MIXED, HumanMessage("Bye")], [])

    await history.aadd_messages(said(1))
    elsewhere = BackscrollChatMessageHistory("chat", stage.other)
    assert texts(await asyncio.to_thread(lambda: elsewhere.messages)) == ["1"]


async def test_the_synchronous_methods_need_a_store_over_http() -> None:
    async with opened() as store:
        history = BackscrollChatMessageHistory("chat", store.client)
        await history.aadd_messages(MIXED)
        assert await history.aget_messages() == MIXED
        with pytest.raises(ToolError, match="need a store over HTTP"):
            history.clear()


async def test_250_messages_are_read_in_order(stage: Stage) -> None:
    history = BackscrollChatMessageHistory("chat", stage.client)
    await history.aadd_messages(said(*range(250)))

    assert texts(await history.aget_messages()) == [*map(str, range(250))]


async def test_a_cleared_history_begins_again(stage: Stage) -> None:
    history, elsewhere = (
        BackscrollChatMessageHistory("chat", each) for each in (stage.client, stage.other)
    )
    await history.aadd_messages(said(1))
    await elsewhere.aadd_messages(said(2))
    await history.aclear()

    assert await elsewhere.aget_messages() == []
    await elsewhere.aadd_messages(said(3))
    assert texts(await history.aget_messages()) == ["3"]


async def test_messages_that_are_added_again_after_a_failure_are_written_once(
    stage: Stage,
) -> None:
    history = BackscrollChatMessageHistory("chat", stage.client)

    await stage.despite_lost_replies(lambda: history.aadd_messages(MIXED))
    await stage.with_every_second_reply_lost(lambda: history.aadd_messages(said(*range(45))))
    stage.proxy.begin(stage.proxy.plan)
    await asyncio.to_thread(history.add_messages, MIXED)

    assert await history.aget_messages() == [*MIXED, *said(*range(45)), *MIXED]


async def test_two_programs_that_begin_one_history_lose_nothing(stage: Stage) -> None:
    histories = [
        BackscrollChatMessageHistory("chat", client) for client in (stage.client, stage.other)
    ]

    additions = ten_each(histories)
    await at_once(*(history.aadd_messages(said(text)) for history, text in additions))

    assert sorted(texts(await histories[0].aget_messages())) == sorted(
        text for _, text in additions
    )


async def test_messages_of_other_programs_are_read_as_text(stage: Stage) -> None:
    made = await stage.conversation_of_others()

    history = BackscrollChatMessageHistory(made, stage.client)

    assert await history.aget_messages() == [
        HumanMessage("Hello"),
        AIMessage("Hi"),
        SystemMessage("Be brief"),
    ]


async def test_a_chain_remembers_earlier_turns(stage: Stage) -> None:
    model = GenericFakeChatModel(messages=iter([AIMessage("one"), AIMessage("two")]))
    seen: list[list[str]] = []

    def ask(messages: list[BaseMessage]) -> BaseMessage:
        seen.append(texts(messages))
        return model.invoke(messages)

    with pytest.warns(DeprecationWarning, match="RunnableWithMessageHistory"):
        chain = RunnableWithMessageHistory(
            RunnableLambda(ask),
            lambda session_id: BackscrollChatMessageHistory(session_id, stage.client),
        )
    config = {"configurable": {"session_id": "chat"}}
    await chain.ainvoke(said("first"), config)
    await asyncio.to_thread(chain.invoke, said("second"), config)

    assert seen == [["first"], ["first", "one", "second"]]
    assert texts(await BackscrollChatMessageHistory("chat", stage.other).aget_messages()) == [
        "first",
        "one",
        "second",
        "two",
    ]
