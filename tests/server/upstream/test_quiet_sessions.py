"""An agent that searches does not find the session in which it is asking."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from mcp import Client
from mcp.types import TextContent

from backscroll.mcp.server import build
from backscroll.settings.model import Settings
from backscroll.store.app import open_store
from backscroll.store.archive.records import ImportedConversation, ImportedItem

HERE = os.getcwd()  # noqa: PTH109 - text, as sessions record it
LEFT_OUT = "1 hit is left out, because its session is in use (search with thread_id to see it)"


def session(name: str, project: str, seconds_ago: int) -> ImportedConversation:
    """Return a session of one message."""
    at = int(time.time()) - seconds_ago
    message = {"type": "message", "role": "user", "content": f"the harbor of {name}"}
    return ImportedConversation(
        key=f"codex:{name}",
        id=f"conv_{name}",
        created_at=at,
        metadata={"project": project, "source": "codex"},
        items=[ImportedItem(message, created_at=at, key="1")],
    )


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    database = f"sqlite:///{tmp_path / 'x.db'}"
    async with open_store(database) as store:
        await store.import_conversations(
            [
                session("asking", HERE, 5),
                session("earlier", HERE, 3_600),
                session("elsewhere", "/w/other", 5),
            ]
        )
    return Settings(database=database, sources=("llm",))


async def searched(settings: Settings, **arguments: object) -> tuple[list[str], str]:
    """Return the threads of the hits, and the text that the model reads."""
    async with Client(build(settings)) as client:
        result = await client.call_tool("search-messages", {"query": "harbor", **arguments})
    structured = result.structured_content or {}
    [text] = [block.text for block in result.content if isinstance(block, TextContent)]
    return sorted(hit["thread_id"] for hit in structured["hits"]), text


async def test_hits_in_sessions_of_this_project_that_are_in_use_are_left_out_and_counted(
    settings: Settings,
) -> None:
    hits, text = await searched(settings)

    assert hits == ["conv_earlier", "conv_elsewhere"]
    assert LEFT_OUT in text


async def test_a_session_in_use_is_searched_if_it_is_named(settings: Settings) -> None:
    hits, text = await searched(settings, thread_id="conv_asking")

    assert hits == ["conv_asking"]
    assert "left out" not in text


async def test_nothing_is_left_out_if_the_time_is_zero(settings: Settings) -> None:
    hits, text = await searched(replace(settings, sync_quiet_s=0.0))

    assert hits == ["conv_asking", "conv_earlier", "conv_elsewhere"]
    assert "left out" not in text


async def test_nothing_is_left_out_without_sources(settings: Settings) -> None:
    hits, _ = await searched(replace(settings, sources=()))

    assert hits == ["conv_asking", "conv_earlier", "conv_elsewhere"]
