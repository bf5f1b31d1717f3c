"""The inventory of tools, whole: what hosts list and models read."""

import dataclasses
import json
import os
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Tool
from tests.clients.nodejs import count_tokens

SNAPSHOTS = Path(__file__).parent / "snapshots"
each_tool = pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)


def published(tool: Tool) -> JSON:
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.input_schema,
        "outputSchema": tool.output_schema,
        "toolset": tool.toolset.name,
        "hints": dataclasses.asdict(tool.hints),
        "needs": [group.name for group in tool.needs],
        "finds": tool.finds,
    }


@each_tool
def test_a_tool_is_as_its_snapshot_says(tool: Tool) -> None:
    """Run with BACKSCROLL_TEST_SNAPSHOTS=write to accept a change, then read the diff."""
    snapshot = SNAPSHOTS / f"{tool.name}.json"
    if os.environ.get("BACKSCROLL_TEST_SNAPSHOTS") == "write":
        snapshot.write_text(f"{json.dumps(published(tool), indent=2)}\n")
    assert published(tool) == json.loads(snapshot.read_text())


def test_there_is_a_snapshot_for_each_tool_and_no_other() -> None:
    assert sorted(path.stem for path in SNAPSHOTS.iterdir()) == sorted(tool.name for tool in TOOLS)


def test_the_seven_tools_stand_in_the_order_of_their_use() -> None:
    assert [tool.name for tool in TOOLS] == [
        "list-messages",
        "get-chat-messages",
        "list-message-files",
        "create-message",
        "get-message",
        "list-threads",
        "list-chat-completions",
    ]


def test_initials_tell_tools_apart_in_cursors() -> None:
    initials = ["".join(word[0] for word in tool.name.split("-")) for tool in TOOLS]
    assert len(set(initials)) == len(TOOLS)


def schemas(value: object) -> list[JSON]:
    """Return every object inside a schema, itself included."""
    match value:
        case dict():
            return [value, *(inner for child in value.values() for inner in schemas(child))]
        case list():
            return [inner for child in value for inner in schemas(child)]
        case _:
            return []


@each_tool
def test_schemas_are_valid_and_free_of_noise(tool: Tool) -> None:
    for schema in (tool.input_schema, tool.output_schema):
        Draft202012Validator.check_schema(schema)
        assert all("anyOf" not in part and "$ref" not in part for part in schemas(schema))
        assert all(not isinstance(part.get("title"), str) for part in schemas(schema))
    assert tool.input_schema["additionalProperties"] is False
    assert len(tool.description) <= 1_024


def test_the_tool_list_costs_few_tokens() -> None:
    """The bounds of the default toolset, counted as compact JSON in o200k."""
    slim = [
        {"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema}
        for tool in TOOLS
    ]
    counted = count_tokens([json.dumps(tool, separators=(",", ":")) for tool in slim])
    assert sum(counted) <= 1_300
