"""Lets frameworks load a server's tools over HTTP, and convert them as they do for a model.

stdin is the URL of the server. stdout is JSON: by framework and by tool, the schema of the
arguments that a model is sent.
"""

import asyncio
import json
import sys
from typing import Any

from autogen_core.tools import BaseTool
from autogen_ext.tools.mcp import (
    StreamableHttpServerParams,
    create_mcp_server_session,
    mcp_server_tools,
)
from google.genai import types
from google.genai._mcp_utils import mcp_to_gemini_tools
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_mcp_adapters.client import MultiServerMCPClient
from mcpadapt.core import MCPAdapt
from mcpadapt.google_genai_adapter import GoogleGenAIAdapter

JSON = dict[str, Any]


async def autogen(url: str) -> JSON:
    """Convert with AutoGen's extensions."""
    tools = await mcp_server_tools(StreamableHttpServerParams(url=url))
    return {tool.name: tool.schema["parameters"] for tool in tools if isinstance(tool, BaseTool)}


async def google(url: str) -> JSON:
    """Convert with Google's client, for Gemini."""
    async with create_mcp_server_session(StreamableHttpServerParams(url=url)) as session:
        await session.initialize()
        listed = (await session.list_tools()).tools
    return dict(declared(tool) for tool in mcp_to_gemini_tools(listed))


async def langchain(url: str) -> JSON:
    """Convert with LangChain's adapters, for OpenAI's strict mode."""
    client = MultiServerMCPClient({"backscroll": {"transport": "streamable_http", "url": url}})
    tools = [convert_to_openai_tool(tool, strict=True) for tool in await client.get_tools()]
    return {tool["function"]["name"]: tool["function"]["parameters"] for tool in tools}


async def mcpadapt(url: str) -> JSON:
    """Convert with MCPAdapt, for Gemini."""
    server = {"url": url, "transport": "streamable-http"}
    async with MCPAdapt(server, GoogleGenAIAdapter()) as converted:
        return dict(declared(tool) for tool, _ in converted)


def declared(tool: types.Tool) -> tuple[str, JSON]:
    """Return the name and the parameters of a tool's only function declaration."""
    (declaration,) = tool.function_declarations
    return declaration.name, declaration.parameters.model_dump(mode="json", exclude_none=True)


async def main(url: str) -> JSON:
    """Return the tools as each framework converts them."""
    return {each.__name__: await each(url) for each in (autogen, google, langchain, mcpadapt)}


json.dump(asyncio.run(main(sys.stdin.read())), sys.stdout)
