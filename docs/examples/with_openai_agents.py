"""Use Backscroll's tools in an agent of the OpenAI Agents SDK."""

import asyncio
import json

from agents import Agent, FunctionTool, Model, Runner
from agents.tool_context import ToolContext

from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.connections import Connections
from backscroll_tools.client.profiles import PROFILES, Upstream
from backscroll_tools.errors import ToolError
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Call, Tool

STORE = Upstream(PROFILES["store"], "http://127.0.0.1:8095/v1")  # as `backscroll store` serves it


def adapted(tool: Tool, client: Client) -> FunctionTool:
    """Return a tool for the SDK. The model reads an error as the result, and can fix the call."""

    async def run(_: ToolContext[object], arguments: str) -> str:
        try:
            call = validated(tool, json.loads(arguments or "{}"))
            return (await tool.run(Call.begin(client), call)).text
        except ToolError as error:
            return error.render()

    schema = dict(tool.input_schema)
    return FunctionTool(tool.name, tool.description, schema, run, strict_json_schema=False)


async def ask(question: str, model: Model | str, store: Upstream = STORE) -> str:
    """Return the answer of an agent that can read and write messages in the store."""
    async with Connections() as http:
        client = Client(http, store)
        tools = [adapted(tool, client) for tool in TOOLS]
        agent = Agent("Archivist", tools=list(tools), model=model)
        return str((await Runner.run(agent, question)).final_output)


if __name__ == "__main__":
    print(asyncio.run(ask("What did we talk about last?", "gpt-5")))
