"""The inventory of tools, whole: what hosts list and models read."""

import json

import pytest
from jsonschema import Draft202012Validator

from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Tool
from backscroll_tools.toolset import TOOLSETS
from manifests.description import arguments
from tests.clients.nodejs import count_tokens
from tests.inventory import OFFERED

each_tool = pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)


def test_initials_tell_tools_apart_in_cursors() -> None:
    paging = [tool.name for tool in TOOLS if "cursor" in arguments(tool)]
    initials = ["".join(word[0] for word in name.split("-")) for name in paging]
    assert len(set(initials)) == len(paging)


@each_tool
def test_the_hints_of_a_tool_agree_and_its_toolset_is_a_known_one(tool: Tool) -> None:
    assert not (tool.hints.read_only and tool.hints.destructive)
    assert tool.toolset in TOOLSETS


def test_a_toolset_has_a_name_that_no_other_has() -> None:
    names = [toolset.name for toolset in TOOLSETS]
    assert len({*names, "all"}) == len(names) + 1


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
        for tool in OFFERED
    ]
    counted = count_tokens([json.dumps(tool, separators=(",", ":")) for tool in slim])
    assert sum(counted) <= 1_300
