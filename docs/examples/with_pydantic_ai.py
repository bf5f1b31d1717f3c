"""Use Backscroll's tools in a Pydantic AI agent."""

import asyncio

from pydantic_ai import Agent, ModelRetry, Tool
from pydantic_ai.models import Model

from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.connections import Connections
from backscroll_tools.client.profiles import PROFILES, Upstream
from backscroll_tools.errors import ToolError
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Call
from backscroll_tools.tool import Tool as BackscrollTool

STORE = Upstream(PROFILES["store"], "http://127.0.0.1:8095/v1")  # as `backscroll store` serves it


def adapted(tool: BackscrollTool, client: Client) -> Tool:
    """Return a tool for Pydantic AI. An error goes back to the model, which can fix the call."""

    async def run(**arguments: object) -> str:
        try:
            return (await tool.run(Call.begin(client), validated(tool, arguments))).text
        except ToolError as error:
            raise ModelRetry(error.render()) from None

    return Tool.from_schema(run, tool.name, tool.description, dict(tool.input_schema))


async def ask(question: str, model: Model | str, store: Upstream = STORE) -> str:
    """Return the answer of an agent that can read and write messages in the store."""
    async with Connections() as http:
        client = Client(http, store)
        agent = Agent(model, tools=[adapted(tool, client) for tool in TOOLS])
        return (await agent.run(question)).output


if __name__ == "__main__":
    print(asyncio.run(ask("What did we talk about last?", "openai:gpt-5")))
