"""Frameworks convert every tool for a model, and none falls back to a looser form."""

import asyncio
import copy
import json
from pathlib import Path
from typing import Final

import agents
import pytest
from agents.mcp import MCPServerStreamableHttp, MCPUtil
from pydantic_ai.profiles.google import GoogleJsonSchemaTransformer
from pydantic_ai.profiles.openai import OpenAIJsonSchemaTransformer

from backscroll_tools.models import JSON
from backscroll_tools.tool import Tool
from manifests.description import arguments
from tests.clients import nodejs
from tests.clients.programs import finished
from tests.http.serving import running, settings_of
from tests.inventory import NAMES, OFFERED
from tests.pace import limit_s

PYTHON: Final = nodejs.ROOT / ".cache" / "converters-venv" / "bin" / "python"
SCRIPT: Final = Path(__file__).parent / "converters" / "convert.py"
FRAMEWORKS: Final = ["autogen", "google", "langchain", "mcpadapt"]


def kind(schema: JSON) -> str:
    """Return the type of an argument, in JSON Schema's words."""
    (name,) = {
        each["type"].lower() for each in schema.get("anyOf", [schema]) if each["type"] != "null"
    }
    return str(name)


KINDS: Final = {
    tool.name: {name: kind(schema) for name, schema in arguments(tool).items()} for tool in OFFERED
}


@pytest.mark.skipif(not PYTHON.exists(), reason="`make test` installs them")
@pytest.mark.timeout(limit_s(60))
async def test_four_frameworks_over_http_convert_every_tool_with_all_of_its_arguments(
    tmp_path: Path,
) -> None:
    async with running(settings_of(tmp_path)) as server:
        printed = await asyncio.to_thread(finished, PYTHON, SCRIPT, stdin=server.url)

    converted = {
        framework: {
            name: {argument: kind(each) for argument, each in schema["properties"].items()}
            for name, schema in tools.items()
        }
        for framework, tools in json.loads(printed).items()
    }
    assert converted == dict.fromkeys(FRAMEWORKS, KINDS)


async def test_the_agents_sdk_converts_every_tool_strictly(tmp_path: Path) -> None:
    async with (
        running(settings_of(tmp_path)) as server,
        MCPServerStreamableHttp({"url": server.url}) as connected,
    ):
        tools = await MCPUtil.get_function_tools(
            connected,
            convert_schemas_to_strict=True,
            run_context=agents.RunContextWrapper(None),
            agent=agents.Agent("Archivist"),
        )

    strict = {
        tool.name: tool.strict_json_schema
        for tool in tools
        if isinstance(tool, agents.FunctionTool)
    }
    assert strict == dict.fromkeys(NAMES, True)


@pytest.mark.parametrize("transformer", [OpenAIJsonSchemaTransformer, GoogleJsonSchemaTransformer])
@pytest.mark.parametrize("tool", OFFERED, ids=NAMES)
def test_pydantic_ai_converts_a_tool_and_keeps_every_rule(
    tool: Tool,
    transformer: type[OpenAIJsonSchemaTransformer | GoogleJsonSchemaTransformer],
) -> None:
    published = copy.deepcopy(dict(tool.input_schema))

    converted = transformer(published, strict=True).walk()

    assert kept(converted) == kept(dict(tool.input_schema))


def kept(schema: object) -> object:
    """Return a schema without what strict mode adds to it."""
    match schema:
        case dict():
            added = {"required", "additionalProperties"}
            return {name: kept(inner) for name, inner in schema.items() if name not in added}
        case list():
            return [kept(inner) for inner in schema]
        case _:
            return schema
