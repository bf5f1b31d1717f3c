"""Calls one tool through an MCP server in this process, and describes tools as text."""

import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, NoReturn, cast

from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, TextContent, Tool

from backscroll.commands.local_store import opened_store
from backscroll.mcp.server import build
from backscroll.process.exits import CommandError
from backscroll.settings.model import Settings
from backscroll.upstream.kind import is_embedded

_ARGUMENT: Final = re.compile(r"(?P<name>[A-Za-z_]\w*)(?P<sign>:?=)(?P<value>.*)", re.DOTALL)


class Untyped(str):
    """The value of an argument `name=value`, before `typed` converts it to the schema's type."""

    __slots__ = ()


async def list_tools(settings: Settings) -> list[Tool]:
    """Return the tools that a server with these settings offers."""
    async with Client(build(settings)) as client:
        return (await client.list_tools()).tools


async def call_tool(
    settings: Settings, name: str, arguments: Mapping[str, object], *, structured: bool
) -> CallToolResult:
    """Call a tool.

    Args:
        settings: the server's settings. If `output` excludes the part of the result that
            `structured` requires, the tool is called with `both` as `output`.
        name: the tool's name.
        arguments: the tool's arguments. Each `Untyped` value is converted to the schema's type.
        structured: whether the result must have structured content. If not, it must have text.

    Raises:
        CommandError: the tool does not exist.
        StoreError: the database cannot be used.
    """
    unwanted = "text" if structured else "structured"
    if settings.output == unwanted:
        settings = replace(settings, output="both")
    if is_embedded(settings):
        async with opened_store(settings.database_url, indexes_tools=settings.indexes_tools):
            pass  # opening the store shows whether it can be used
    async with Client(build(replace(settings, sources=()))) as client:
        result = await _result(client, name, arguments)
    if isinstance(result, CommandError):
        raise result
    return result


def written(result: CallToolResult, *, as_json: bool) -> str:
    """Return the text of a result or, if `as_json`, its structured content as indented JSON.

    An error is always text.
    """
    if as_json and not result.is_error:
        return json.dumps(result.structured_content, ensure_ascii=False, indent=2)
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def read_arguments(words: Iterable[str]) -> dict[str, object]:
    """Parse arguments: `name=value` gives an `Untyped`, `name:=JSON` gives the parsed JSON.

    Raises:
        CommandError: an argument has another form, its JSON is invalid, or a name occurs twice.
    """
    arguments: dict[str, object] = {}
    for word in words:
        match = _ARGUMENT.fullmatch(word)
        if match is None:
            raise CommandError(f"{word!r} is not an argument: write name=value or name:=JSON")
        name, sign, value = match.group("name", "sign", "value")
        if name in arguments:
            raise CommandError(f"{name} is given twice")
        arguments[name] = Untyped(value) if sign == "=" else _json(name, value)
    return arguments


def typed(arguments: Mapping[str, object], schema: Mapping[str, Any]) -> dict[str, object]:
    """Return the arguments. Each `Untyped` value is converted to the type in the input schema.

    A value stays a string if the schema allows a string. Otherwise it is parsed as JSON, and if
    that fails it stays a string, so that the server's error names the expected type.
    """
    return {
        name: _json_or_text(value)
        if isinstance(value, Untyped) and _type(schema, name) != "string"
        else value
        for name, value in arguments.items()
    }


def describe(tools: Iterable[Tool], width: int) -> str:
    """Return the tools and their arguments as text.

    Args:
        tools: the tools that the server lists.
        width: the maximum length of a line of a description, in characters.
    """
    return "\n\n".join(_described(tool, width) for tool in tools)


async def _result(
    client: Client, name: str, arguments: Mapping[str, object]
) -> CallToolResult | CommandError:
    # The error is returned, because the client would wrap a raised error in an exception group.
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    schema = tools[name].input_schema if name in tools else {}
    try:
        return await client.call_tool(name, typed(arguments, schema))
    except MCPError as error:
        end = "" if error.message.endswith("?") else "."
        return CommandError(f"{error.message}{end} The tools are: {', '.join(tools)}.")


def _type(schema: Mapping[str, Any], name: str) -> str:
    """Return the JSON type of an argument, or `string` if the schema does not have the argument."""
    kind: str = schema.get("properties", {}).get(name, {}).get("type", "string")
    return kind


def _json(name: str, text: str) -> object:
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError as error:
        why = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise CommandError(f"{name}:= needs JSON: {why}") from None


def _json_or_text(text: str) -> object:
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _described(tool: Tool, width: int) -> str:
    properties = cast("Mapping[str, Any]", tool.input_schema["properties"])
    required = tool.input_schema.get("required", [])
    arguments = [
        _argument(name, rules, required=name in required) for name, rules in properties.items()
    ]
    about = textwrap.fill(
        tool.description or "", width, initial_indent="  ", subsequent_indent="  "
    )
    return "\n".join([tool.name, about, *(f"    {line}" for line in arguments)])


def _argument(name: str, rules: Mapping[str, Any], *, required: bool) -> str:
    kind: str = rules["type"]
    value = "|".join(rules["enum"]) if "enum" in rules else _WORDS.get(kind, kind)
    notes = ["required"] if required else []
    if "description" in rules:
        notes.append(rules["description"])
    sign = "=" if kind in {"string", "integer"} else ":="
    return f"{name}{sign}{value}" + (f"  ({'; '.join(notes)})" if notes else "")


_WORDS: Final = {"string": "TEXT", "integer": "N", "object": "JSON", "array": "JSON"}
