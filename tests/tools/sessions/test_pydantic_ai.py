"""Message histories of Pydantic AI, with Pydantic AI itself and a real store."""

from collections.abc import Sequence

from pydantic_ai import Agent, BinaryContent, ImageUrl, ModelRetry
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel

from backscroll_tools.sessions.pydantic_ai import BackscrollHistory
from tests.tools.sessions.stage import Stage, at_once, ten_each

_BUILT: list[ModelMessage] = [
    ModelRequest(
        [
            SystemPromptPart("Be brief."),
            UserPromptPart(
                [
                    "What is this?",
                    ImageUrl("https://example.com/a.png"),
                    BinaryContent(b"\x00\xff", media_type="image/png"),
                    "And this?",
                ]
            ),
        ],
        instructions="Hurry.",
    ),
    ModelResponse(
        [
            ThinkingPart("Hmm", signature="s"),
            TextPart("Let me see."),
            ToolCallPart("look", {"at": 1}, tool_call_id="call_1"),
            ToolCallPart("look", '{"at": 2}', tool_call_id="call_2"),
        ],
        model_name="m",
    ),
    ModelRequest(
        [
            ToolReturnPart("look", {"kind": "cat"}, tool_call_id="call_1"),
            ToolReturnPart("look", "a dog", tool_call_id="call_2", metadata={"score": 1}),
        ]
    ),
    ModelResponse([]),
]
# Pydantic AI gives binary content and URLs an identifier when it reads them.
MIXED = ModelMessagesTypeAdapter.validate_json(ModelMessagesTypeAdapter.dump_json(_BUILT))


def said(*texts: object) -> list[ModelMessage]:
    return [ModelRequest([UserPromptPart(str(text))]) for text in texts]


def texts(messages: Sequence[ModelMessage]) -> list[str]:
    return [str(getattr(part, "content", "")) for each in messages for part in each.parts]


async def test_messages_come_back_as_they_were_added(stage: Stage) -> None:
    history = BackscrollHistory("chat", stage.client)
    assert await history.messages() == []

    await history.add(MIXED)

    assert await BackscrollHistory("chat", stage.other).messages() == MIXED
    assert await BackscrollHistory("another", stage.other).messages() == []


async def test_every_tool_reads_them(stage: Stage) -> None:
    await BackscrollHistory("chat", stage.client).add(MIXED)

    assert await stage.shown() == [
        ("system", "Be brief."),
        ("user", "What is this?\nAnd this?"),
        ("assistant", "Let me see."),
        ("assistant", '{"at":1}'),
        ("assistant", '{"at":2}'),
        ("tool", '{"kind":"cat"}'),
        ("tool", "a dog"),
    ]
    assert await stage.found("see") == ["Let me **see**."]


async def test_250_messages_are_read_in_order(stage: Stage) -> None:
    history = BackscrollHistory("chat", stage.client)
    await history.add(said(*range(250)))

    assert texts(await history.messages()) == [*map(str, range(250))]


async def test_a_cleared_history_begins_again(stage: Stage) -> None:
    history, elsewhere = (BackscrollHistory("chat", each) for each in (stage.client, stage.other))
    await history.add(said(1))
    await elsewhere.add(said(2))
    await history.clear()

    assert await elsewhere.messages() == []
    await elsewhere.add(said(3))
    assert texts(await history.messages()) == ["3"]


async def test_messages_that_are_added_again_after_a_failure_are_written_once(
    stage: Stage,
) -> None:
    history = BackscrollHistory("chat", stage.client)
    many = said(*range(45))

    await stage.despite_lost_replies(lambda: history.add(MIXED))
    await stage.with_every_second_reply_lost(lambda: history.add(many))
    await history.add(MIXED)

    assert await history.messages() == [*MIXED, *many, *MIXED]


async def test_two_programs_that_begin_one_history_lose_nothing(stage: Stage) -> None:
    histories = [BackscrollHistory("chat", client) for client in (stage.client, stage.other)]

    additions = ten_each(histories)
    await at_once(*(history.add(said(text)) for history, text in additions))

    assert sorted(texts(await histories[0].messages())) == sorted(text for _, text in additions)


async def test_messages_of_other_programs_are_read_as_text(stage: Stage) -> None:
    made = await stage.conversation_of_others()

    messages = await BackscrollHistory(made, stage.client).messages()

    assert [
        (type(part), getattr(part, "content", "")) for each in messages for part in each.parts
    ] == [
        (UserPromptPart, "Hello"),
        (TextPart, "Hi"),
        (SystemPromptPart, "Be brief"),
    ]


async def test_an_agent_remembers_earlier_runs(stage: Stage) -> None:
    def answered(messages: list[ModelMessage], _: AgentInfo) -> ModelResponse:
        if not any(isinstance(part, ToolReturnPart) for part in messages[-1].parts):
            return ModelResponse([ToolCallPart("clock", {}, tool_call_id=f"call_{len(messages)}")])
        return ModelResponse([TextPart(f"{len(messages)} messages")])

    agent = Agent(FunctionModel(answered))

    @agent.tool_plain
    def clock() -> str:
        return "noon"

    for question, client in (("One", stage.client), ("Two", stage.other)):
        history = BackscrollHistory("chat", client)
        run = await agent.run(question, message_history=await history.messages())
        await history.add(run.new_messages())
        assert await history.messages() == run.all_messages()

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


async def test_a_retry_is_read_as_text(stage: Stage) -> None:
    agent = Agent(TestModel(custom_output_text="No"), retries=1)

    @agent.output_validator
    def refused(output: str) -> str:
        if not history_is_long:
            history_is_long.append(output)
            raise ModelRetry("Say more.")
        return output

    history_is_long: list[str] = []
    history = BackscrollHistory("chat", stage.client)
    run = await agent.run("Hello")
    await history.add(run.all_messages())

    assert await history.messages() == run.all_messages()
    shown = await stage.shown()
    assert [role for role, _ in shown] == ["user", "assistant", "user", "assistant"]
    assert "Say more." in shown[2][1]
