"""The OpenAI Agents SDK keeps the sessions of its agents in the store, by the base URL alone."""

from typing import Any, cast

import agents
import openai
import pytest
from agents.items import ModelResponse
from agents.memory import OpenAIConversationsSession
from agents.usage import Usage
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)

from backscroll_tools.models import JSON

SENT_ALONE = 20
"""The most items that the SDK sends in one request."""


class Scripted(agents.Model):
    """A model that calls the tool once in each conversation, and otherwise answers.

    Attributes:
        asked: the input of each request.
    """

    def __init__(self) -> None:
        self.asked: list[list[JSON]] = []

    async def get_response(self, *args: Any, **kwargs: Any) -> ModelResponse:  # noqa: ANN401 - as the SDK has it
        """Return the next call, or the answer."""
        _, asked, *_ = (*args, *kwargs.values())
        self.asked.append([dict(item) for item in asked])
        number = len(self.asked)
        output: Any = ResponseFunctionToolCall(
            id=f"fc_{number}",
            call_id="call_1",
            name="weather",
            arguments='{"city": "Oslo"}',
            type="function_call",
            status="completed",
        )
        if any("output" in item for item in asked):
            text = ResponseOutputText(text=f"answer {number}", type="output_text", annotations=[])
            output = ResponseOutputMessage(
                id=f"msg_{number}",
                content=[text],
                role="assistant",
                status="completed",
                type="message",
            )
        return ModelResponse(output=[output], usage=Usage(), response_id=None)

    def stream_response(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the SDK has it
        """Refuse: nothing here streams."""
        raise NotImplementedError


@agents.function_tool
def weather(city: str) -> str:
    """Return the weather in a city."""
    return f"-3 °C in {city}"


def told(item: JSON) -> tuple[str, object]:
    """Return the kind of an item, and what it says."""
    match item:
        case {"type": "function_call", "name": name, "arguments": arguments, "call_id": call_id}:
            return "call", (name, arguments, call_id)
        case {"type": "function_call_output", "output": output, "call_id": call_id}:
            return "output", (output, call_id)
        case {"role": role, "content": [{"text": text}]} | {"role": role, "content": text}:
            return str(role), text
        case _:
            raise AssertionError(item)


HISTORY = [
    ("user", "How cold is it?"),
    ("call", ("weather", '{"city": "Oslo"}', "call_1")),
    ("output", ("-3 °C in Oslo", "call_1")),
    ("assistant", "answer 2"),
]


async def test_an_agent_goes_on_where_another_one_has_called_a_tool(
    client: openai.AsyncOpenAI,
) -> None:
    model = Scripted()
    agent = agents.Agent("Archivist", model=model, tools=[weather])
    untraced = agents.RunConfig(tracing_disabled=True)  # a trace would be sent to OpenAI
    first = OpenAIConversationsSession(openai_client=client)
    begun = await agents.Runner.run(agent, "How cold is it?", session=first, run_config=untraced)
    again = OpenAIConversationsSession(conversation_id=first.session_id, openai_client=client)
    ended = await agents.Runner.run(agent, "And now?", session=again, run_config=untraced)

    assert (begun.final_output, ended.final_output) == ("answer 2", "answer 3")
    assert [told(item) for item in model.asked[-1]] == [*HISTORY, ("user", "And now?")]
    kept = cast("list[JSON]", await again.get_items())
    assert [told(item) for item in kept] == [
        *HISTORY,
        ("user", "And now?"),
        ("assistant", "answer 3"),
    ]


async def test_items_are_added_in_order_popped_and_cleared(client: openai.AsyncOpenAI) -> None:
    session = OpenAIConversationsSession(openai_client=client)
    said = [f"text {number}" for number in range(2 * SENT_ALONE + 5)]
    await session.add_items([{"role": "user", "content": text} for text in said])
    conversation = session.session_id

    latest = cast("list[JSON]", await session.get_items(limit=3))
    popped = cast("JSON", await session.pop_item())
    left = cast("list[JSON]", await session.get_items())

    assert [told(item)[1] for item in latest] == said[-3:]
    assert told(popped) == ("user", said[-1])
    assert [told(item)[1] for item in left] == said[:-1]
    await session.clear_session()
    with pytest.raises(openai.NotFoundError):
        await client.conversations.retrieve(conversation)
    assert await session.get_items() == []
    assert session.session_id != conversation
