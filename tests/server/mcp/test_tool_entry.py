"""The list of tools for hosts whose models see only text: short, and with the same meaning."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from mcp import Client
from mcp.client.extension import advertise
from mcp.types import Tool as McpTool

from backscroll.mcp import page_file
from backscroll.mcp.server import build
from backscroll.settings.model import Settings
from backscroll_tools.client.groups import GROUPS
from backscroll_tools.registry import TOOLS

SHOWS_PAGES: Final = {"mimeTypes": [page_file.MIME_TYPE]}
DEFAULTS: Final = {
    "readOnlyHint": False,
    "destructiveHint": True,
    "idempotentHint": False,
    "openWorldHint": True,
}
"""The hints that a host assumes (MCP specification, `ToolAnnotations`)."""

Mode = Literal["legacy", "auto"]


async def listed(
    output: str, mode: Mode = "auto", supported: dict[str, Any] | None = None
) -> dict[str, dict[str, Any]]:
    """Return all tools of a server, by name, for a host that supports this of MCP Apps."""
    settings = Settings(
        upstream="compatible",
        base_url="http://127.0.0.1:9",
        serves=tuple(GROUPS),
        toolsets=("all",),
        output=output,
    )
    extensions = [] if supported is None else [advertise(page_file.EXTENSION, supported)]
    async with Client(build(settings), mode=mode, extensions=extensions) as host:
        tools = (await host.list_tools()).tools
    return {tool.name: as_json(tool) for tool in tools}


def as_json(tool: McpTool) -> dict[str, Any]:
    return tool.model_dump(mode="json", by_alias=True, exclude_none=True)


def parts(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a schema, and every schema inside it."""
    yield schema
    for inner in [*schema.get("properties", {}).values(), *filter(None, [schema.get("items")])]:
        yield from parts(inner)


async def test_a_list_for_text_says_of_each_tool_what_the_whole_list_says() -> None:
    whole, text = await listed("both"), await listed("text")

    assert list(text) == list(whole) == [tool.name for tool in TOOLS]
    for name, tool in text.items():
        assert "outputSchema" not in tool
        assert tool["description"] == whole[name]["description"]
        assert tool.get("title", name.replace("-", " ").capitalize()) == whole[name]["title"]
        told = DEFAULTS | tool["annotations"]
        if told["readOnlyHint"]:  # the other hints have no meaning then
            assert whole[name]["annotations"]["readOnlyHint"]
        else:
            assert told == whole[name]["annotations"]


async def test_a_schema_for_text_has_every_argument_and_leaves_out_only_what_it_repeats() -> None:
    whole, text = await listed("both"), await listed("text")

    for name, tool in text.items():
        short, full = tool["inputSchema"], whole[name]["inputSchema"]
        assert short.get("required") == full.get("required")
        for shown, complete in zip(parts(short), parts(full), strict=True):
            missing = complete.keys() - shown.keys()
            assert {key: complete[key] for key in shown.keys() - {"properties", "items"}} == {
                key: shown[key] for key in shown.keys() - {"properties", "items"}
            }
            assert shown.get("properties", {}).keys() == complete.get("properties", {}).keys()
            if missing & {"minimum", "maximum"}:
                bounds = f"{complete['minimum']} to {complete['maximum']}"
                assert bounds in shown["description"]
            if "required" in missing:
                assert complete["required"] == list(complete["properties"])
            if "description" in missing:
                assert shown is short["properties"]["cursor"]
            assert missing <= {"minimum", "maximum", "required", "description"}


@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.parametrize("supported", [None, {"mimeTypes": ["text/html"]}, SHOWS_PAGES])
async def test_a_list_for_text_names_the_page_only_to_a_host_that_can_show_it(
    supported: dict[str, Any] | None, mode: Mode
) -> None:
    tools = await listed("text", mode, supported)

    named = {name: tool["_meta"] for name, tool in tools.items() if "ui" in tool.get("_meta", {})}
    assert named.keys() == (page_file.DRAWN if supported == SHOWS_PAGES else set())
    assert all(meta.items() >= page_file.TOOL_META.items() for meta in named.values())


@pytest.mark.parametrize("output", ["both", "text"])
async def test_clients_share_a_cached_list_only_if_all_get_the_same(output: str) -> None:
    async with Client(build(Settings(database="sqlite://", output=output))) as host:
        result = await host.list_tools()

    assert result.cache_scope == ("private" if output == "text" else "public")


async def test_calls_are_validated_against_the_whole_schema(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'x.db'}", output="text")
    async with Client(build(settings)) as host:
        over = await host.call_tool("list-threads", {"limit": 501})
        pair = {"role": "user", "content": "x", "metadata": [{"key": "a"}]}
        missing = await host.call_tool("create-message", pair)

    assert [result.is_error for result in (over, missing)] == [True, True]
