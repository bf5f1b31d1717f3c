"""The inventory of tools, whole: what hosts list and models read."""

import json
import re
from collections.abc import Iterator
from pkgutil import iter_modules
from typing import Final

import pytest
from jsonschema import Draft202012Validator

from backscroll_tools import tools
from backscroll_tools.models import JSON
from backscroll_tools.pages.cursor import code_of
from backscroll_tools.registry import TOOLS, tools_of
from backscroll_tools.tool import Tool
from backscroll_tools.toolset import TOOLSETS, Toolset
from manifests.description import arguments
from tests.clients.nodejs import count_tokens
from tests.inventory import OFFERED

_EVERY: Final = {"type", "description"}
ACCEPTED: Final = {
    "object": {*_EVERY, "properties", "required"},
    "array": {*_EVERY, "items"},
    "string": {*_EVERY, "enum"},
    "integer": {*_EVERY, "minimum", "maximum"},
    "boolean": _EVERY,
}
"""The keywords that every known host and model API accepts for one type.

Gemini's function declarations have no `additionalProperties`, and its Python client fails if that
is false (python-genai 1.74 to 3.6). OpenAI's strict mode requires `properties` and `items`, adds
`additionalProperties: false` itself, and refuses `default`, `minLength` and `maxLength`.
"""

HOST_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
"""The names that Gemini, OpenAI, Anthropic and Bedrock accept for tools and arguments."""

each_tool = pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)


def test_initials_tell_tools_apart_in_cursors() -> None:
    paging = [tool.name for tool in TOOLS if "cursor" in arguments(tool)]
    initials = [code_of(name) for name in paging]
    assert len(set(initials)) == len(paging)


@each_tool
def test_the_hints_of_a_tool_agree_and_its_toolset_is_a_known_one(tool: Tool) -> None:
    assert not (tool.hints.read_only and tool.hints.destructive)
    assert tool.toolset in TOOLSETS


def test_every_module_of_a_tool_is_in_the_registry() -> None:
    modules = {module.name.replace("_", "-") for module in iter_modules(tools.__path__)}
    assert sorted(tool.name for tool in TOOLS) == sorted(modules)


@pytest.mark.parametrize("toolset", TOOLSETS, ids=lambda toolset: toolset.name)
def test_a_toolset_has_the_tools_that_name_it(toolset: Toolset) -> None:
    assert tools_of([toolset.name]) == tuple(tool for tool in TOOLS if tool.toolset == toolset)


def test_the_tools_of_several_toolsets_keep_their_order() -> None:
    assert tools_of(["api", "messages"]) == (*tools_of(["messages"]), *tools_of(["api"]))
    assert tools_of(["all", "messages"]) == TOOLS
    assert tools_of([]) == ()


def test_a_toolset_has_a_name_that_no_other_has() -> None:
    names = [toolset.name for toolset in TOOLSETS]
    assert len({*names, "all"}) == len(names) + 1


def schemas(schema: JSON) -> Iterator[JSON]:
    """Yield a schema, and every schema inside it."""
    yield schema
    inside = [*schema.get("properties", {}).values(), *filter(None, [schema.get("items")])]
    for inner in inside:
        yield from schemas(inner)


@each_tool
def test_schemas_are_valid_and_free_of_noise(tool: Tool) -> None:
    for schema in (tool.input_schema, tool.output_schema):
        Draft202012Validator.check_schema(schema)
        for part in schemas(dict(schema)):
            assert not part.keys() & {"anyOf", "$ref", "title"}
    assert len(tool.description) <= 1_024


@each_tool
def test_an_input_schema_has_only_what_every_host_and_model_api_accepts(tool: Tool) -> None:
    assert HOST_NAME.fullmatch(tool.name)
    for part in schemas(dict(tool.input_schema)):
        kind = part["type"]
        assert part.keys() <= ACCEPTED[kind], part
        if kind == "object":
            assert part["properties"]
            assert set(part.get("required", ())) <= part["properties"].keys()
            assert all(map(HOST_NAME.fullmatch, part["properties"]))
        if kind == "array":
            assert part["items"]
        if "minimum" in part:  # several hosts remove the numbers
            assert f"{part['minimum']} to {part['maximum']}" in part["description"]


def first_sentence(text: str) -> str:
    return re.split(r"[.:;] |\.$", text)[0]


@pytest.mark.parametrize("tool", OFFERED, ids=lambda tool: tool.name)
def test_the_first_sentence_of_a_description_is_in_words_of_a_user(tool: Tool) -> None:
    assert re.search(r"\b(conversation|chat)s?\b", first_sentence(tool.description))


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("search previous chats", "list-threads"),
        ("find past conversations", "list-threads"),
        ("what was decided and promised in a past conversation", "list-messages"),
        ("save a note to the conversation", "create-message"),
        ("documents and pictures attached to a message", "list-message-files"),
        ("quote the full text of one message", "get-message"),
        ("the prompt and answer of a past chat", "get-chat-messages"),
        ("find earlier model responses", "list-chat-completions"),
        ("find messages where a refund was agreed, and quote them", "search-messages"),
    ],
)
def test_a_host_that_searches_its_tools_finds_the_right_one_first(
    question: str, found: str
) -> None:
    """Hosts rank by words of the name, the description's first sentence and the search hint."""

    def shared(tool: Tool) -> int:
        text = f"{tool.name} {first_sentence(tool.description)} {tool.keywords}"
        return len(words(text) & words(question))

    assert max(TOOLS, key=shared).name == found


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{4,}", text.lower()))


def test_the_tool_list_costs_few_tokens() -> None:
    """The bounds of the default toolset, counted as compact JSON in o200k."""
    slim = [
        {"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema}
        for tool in OFFERED
    ]
    counted = count_tokens([json.dumps(tool, separators=(",", ":")) for tool in slim])
    assert sum(counted) <= 1_475
