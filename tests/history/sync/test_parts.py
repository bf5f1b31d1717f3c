"""A log that is too long for memory is imported in parts, as if it were one."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from backscroll.history.conversation import Record, SourceConversation, SourceItem
from backscroll.history.files.disk_files import disk_file
from backscroll.history.formats.claude_code.reading import read as read_log
from backscroll.history.sources.finding import FoundFile
from backscroll.history.sources.source import Source
from backscroll.history.streamed_items import StreamedItems
from backscroll.history.sync.parts import parts
from backscroll.history.sync.syncing import SyncOptions, sync
from backscroll.store.app import Store, open_store
from tests.history.sync.claude_logs import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    async with open_store("sqlite:///:memory:") as opened:
        yield opened


def read_streamed(file: FoundFile, _: Source) -> Iterator[Record]:
    """Read a log as if it were too long for memory."""
    return read_log(disk_file(file.path), in_memory=0)


async def synced(store: Store, home: Home) -> list[str]:
    """Sync, and return what the summary says."""
    return list((await sync(store, home.found(), read_streamed, SyncOptions())).lines())


async def test_a_long_log_is_imported_and_brought_up_to_date(store: Store, home: Home) -> None:
    log = home.log()
    for number in range(1_100):
        log.say(f"Prompt {number}")
    assert await synced(store, home) == [
        "claude-code: 1 conversation: 1 imported, 0 updated, 0 already there (1,100 new items)"
    ]
    log.say("Thanks")
    assert await synced(store, home) == [
        "claude-code: 1 conversation: 0 imported, 1 updated, 0 already there (1 new item)"
    ]
    (found,) = [each async for each in store.export_conversations()]
    texts = [str(item.item["content"][0]["text"]) for item in found.items]
    assert texts == [*(f"Prompt {number}" for number in range(1_100)), "Thanks"]


def message(number: int, text: str) -> SourceItem:
    """Return a message."""
    return SourceItem(key=f"{number}", item={"type": "message", "role": "user", "content": text})


def test_parts_are_limited_in_number_and_length() -> None:
    items = [message(number, "x" * 10) for number in range(7)]
    whole = SourceConversation(source="codex", id="1", items=items, title="Tea", parent="0")
    conversation = replace(whole, items=StreamedItems(partial(iter, items)))
    by_number = list(parts(conversation, most_items=3))
    assert [list(part.items) for part in by_number] == [items[:3], items[3:6], items[6:]]
    assert all(part.is_partial for part in by_number)
    assert all(replace(part, items=items, is_partial=False) == whole for part in by_number)
    for most_chars, lengths in ((43, [3, 3, 1]), (42, [2, 2, 2, 1]), (21, [1] * 7)):
        by_length = parts(conversation, most_chars=most_chars)
        assert [len(part.items) for part in by_length] == lengths


def test_the_texts_inside_a_message_count_to_the_length_of_its_part() -> None:
    content = [{"type": "text", "text": "x" * 10}, {"type": "image"}, {"type": "text", "text": 77}]
    items = [SourceItem(key="1", item={"role": "user", "content": content}), message(2, "")]
    conversation = SourceConversation(
        source="codex", id="1", items=StreamedItems(partial(iter, items))
    )
    for most_chars, lengths in ((16, [1, 1]), (17, [2])):
        found = parts(conversation, most_chars=most_chars)
        assert [len(part.items) for part in found] == lengths


def test_a_conversation_without_items_that_is_too_long_for_memory_has_no_parts() -> None:
    conversation = SourceConversation(
        source="codex", id="1", items=StreamedItems(partial(iter, list[SourceItem]()))
    )
    assert list(parts(conversation)) == []


def test_a_conversation_in_memory_is_one_part() -> None:
    conversation = SourceConversation(source="codex", id="1", items=(message(1, "Tea?"),))
    assert list(parts(conversation, most_items=1)) == [conversation]
