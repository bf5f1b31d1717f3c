"""The page as a resource, in both protocol eras, over stdio, HTTP and in this process."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from backscroll.mcp import page_file
from backscroll.mcp.server import build
from backscroll.settings.model import Settings

URI: Final = "ui://backscroll/conversation"
META: Final = {"ui": {"csp": {"connectDomains": [], "resourceDomains": []}, "prefersBorder": True}}
NOT_FOUND: Final = {"legacy": -32002, "auto": -32602}
Mode = Literal["legacy", "auto"]


@pytest.fixture(params=["legacy", "auto"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """Return how a client connects: as of 2025-11-25, and as of 2026-07-28."""
    chosen: Mode = request.param
    return chosen


async def test_a_host_finds_the_page_and_reads_it(tmp_path: Path, mode: Mode) -> None:
    async with Client(build(Settings(database=f"sqlite:///{tmp_path}/x.db")), mode=mode) as host:
        listed = (await host.list_resources()).resources
        templates = await host.list_resource_templates()
        named = {
            tool.name: tool.meta["ui/resourceUri"]
            for tool in (await host.list_tools()).tools
            if tool.meta and "ui" in tool.meta
        }
        (contents,) = (await host.read_resource(URI)).contents

    (page,) = [each for each in listed if each.uri == URI]
    assert page.meta == META
    assert templates.resource_templates == []
    drawn = ["get-chat-messages", "list-messages", "list-threads", "search-messages"]
    assert named == dict.fromkeys(drawn, URI)
    assert contents.model_dump(mode="json", by_alias=True, exclude_none=True) == {
        "uri": URI,
        "mimeType": "text/html;profile=mcp-app",
        "text": page_file.html(),
        "_meta": META,
    }


def test_the_page_names_its_version_and_loads_nothing() -> None:
    html = page_file.html()

    assert version("backscroll") in html
    assert "__VERSION__" not in html
    assert not re.search(r"""\b(?:src|href)\s*=\s*["']?(?!data:|#)""", html.split("<script")[0])


async def test_an_unknown_resource_is_an_error_that_names_it(tmp_path: Path, mode: Mode) -> None:
    async with Client(build(Settings(database=f"sqlite:///{tmp_path}/x.db")), mode=mode) as host:
        with pytest.raises(MCPError) as caught:
            await host.read_resource("ui://backscroll/other")

    assert caught.value.error.code == NOT_FOUND[mode]
    assert caught.value.error.message == "Resource not found"
    assert caught.value.error.data == {"uri": "ui://backscroll/other"}


async def test_a_cursor_for_the_list_of_resources_is_a_protocol_error(
    tmp_path: Path, mode: Mode
) -> None:
    async with Client(build(Settings(database=f"sqlite:///{tmp_path}/x.db")), mode=mode) as host:
        with pytest.raises(MCPError) as caught:
            await host.list_resources(cursor="x")

    assert caught.value.error.code == -32602
