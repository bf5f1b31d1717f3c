"""docs/library.md: its examples of sessions run as they are printed."""

import ast
import inspect
import re
from pathlib import Path
from typing import Any, Final

import agents
import pydantic_ai
from google.adk.agents import LlmAgent
from langchain_core.messages import AIMessage, HumanMessage
from pydantic_ai.models.test import TestModel

from tests.tools.sessions import test_agent_framework, test_google_adk, test_openai_agents
from tests.tools.sessions.stage import Stage
from tests.tools.sessions.test_chatkit import Echo, thread

LIBRARY: Final = Path(__file__).parents[3] / "docs" / "library.md"
_SECTION: Final = re.compile(r"\n## Sessions of agent frameworks\n(.*?)\n## ", re.DOTALL)
_BLOCK: Final = re.compile(r"```python\n(.*?)```", re.DOTALL)


def examples() -> dict[str, str]:
    """Return the examples, by the module that they import."""
    section = _SECTION.search(LIBRARY.read_text("utf-8"))
    assert section
    blocks = _BLOCK.findall(section[1])
    return {re.findall(r"backscroll_tools\.sessions\.(\w+)", block)[0]: block for block in blocks}


async def run(module: str, **given: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever it uses
    """Run an example with these names, and return all names that there are then."""
    code = compile(examples()[module], module, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    outcome = eval(code, given)  # noqa: S307 - our own document
    if inspect.isawaitable(outcome):
        await outcome
    return given


def test_there_is_an_example_for_each_framework() -> None:
    modules = ["openai_agents", "chatkit", "langchain", "google_adk", "agent_framework"]
    assert list(examples()) == [*modules, "pydantic_ai"]


async def test_the_agents_sdk(stage: Stage) -> None:
    agents.set_tracing_disabled(disabled=True)

    @agents.function_tool
    def clock() -> str:
        """Return the time."""
        return "noon"

    agent = agents.Agent("Keeper", model=test_openai_agents.Scripted(), tools=[clock])
    made = await run("openai_agents", client=stage.client, agent=agent)

    assert made["result"].final_output == "3 items"
    assert (await stage.shown())[0] == ("user", "What did I ask before?")


async def test_chatkit(stage: Stage) -> None:
    made = await run("chatkit", client=stage.client, MyChatKitServer=Echo)
    await made["server"].store.save_thread(thread(), {"user": "ann"})

    assert (await made["store"].load_threads(9, None, "asc", {"user": "ben"})).data == []


async def test_langchain(stage: Stage) -> None:
    added = [HumanMessage("Hello"), AIMessage("Hi")]
    made = await run("langchain", client=stage.client, question=added[0], answer=added[1])

    assert made["messages"] == added


async def test_google_s_kit(stage: Stage) -> None:
    agent = LlmAgent(name="keeper", model=test_google_adk.Scripted(model="x"))
    made = await run("google_adk", client=stage.client, agent=agent)

    assert made["runner"].session_service is made["service"]


async def test_the_agent_framework(stage: Stage) -> None:
    model = test_agent_framework.Scripted()
    await run("agent_framework", client=stage.client, model=model)

    assert (await stage.shown())[0] == ("user", "Hello")


async def test_pydantic_ai_remembers(stage: Stage) -> None:
    agent = pydantic_ai.Agent(TestModel(custom_output_text="Hi"))
    for _ in range(2):
        await run("pydantic_ai", client=stage.client, agent=agent)

    assert await stage.shown() == [("user", "Hello"), ("assistant", "Hi")] * 2
