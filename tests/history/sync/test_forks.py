"""What a fork copied from its parent is stored once, whenever each of them is synced."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from backscroll.history.conversation import SourceConversation, SourceItem
from backscroll.history.sources.finding import FoundFile, FoundSource
from backscroll.history.sources.source import Source
from backscroll.history.streamed_items import StreamedItems
from backscroll.history.sync.forks import from_first_own, without_copies
from backscroll.history.sync.reading import read_file
from backscroll.history.sync.syncing import SyncOptions, sync
from backscroll.store.app import Store, open_store
from backscroll.store.archive.records import Selection
from tests.history.sync.claude_logs import Home, Log


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    async with open_store("sqlite:///:memory:") as opened:
        yield opened


async def synced(store: Store, home: Home) -> list[str]:
    """Sync, and return what the summary says."""
    return list((await sync(store, home.found(), read_file, SyncOptions())).lines())


async def stored(store: Store) -> dict[str, tuple[str, list[str]]]:
    """Return the parent and the texts of each conversation, by the first digits of its id."""
    found = {}
    async for each in store.export_conversations():
        texts = [str(item.item["content"][0]["text"]) for item in each.items]
        parent = each.metadata.get("parent", "")[:8]
        found[each.metadata["source_id"][:8]] = (parent, texts)
    return found


def fork(home: Home, parent: Log, number: int, *, named: bool = False) -> Log:
    """Return a log that begins with a copy of another one's lines, and perhaps names it."""
    child = home.log(number)
    child.lines = list(parent.lines)
    lines = [json.loads(line) for line in parent.path.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        line["sessionId"] = child.session
        if named:
            line["forkedFrom"] = {"sessionId": parent.session, "messageUuid": line["uuid"]}
    copied = "".join(json.dumps(line) + "\n" for line in lines)
    child.path.write_text(copied, encoding="utf-8")
    return child


def started(home: Home) -> Log:
    """Return a session with a prompt and its answer."""
    log = home.log(1)
    log.say("Tea?")
    log.say("Which?", "assistant")
    return log


EXPECTED = {"00000001": ("", ["Tea?", "Which?"]), "00000002": ("00000001", ["Green"])}


@pytest.mark.parametrize("named", [False, True], ids=["unnamed", "named"])
async def test_a_fork_that_is_synced_with_its_parent_has_only_its_own_items(
    store: Store, home: Home, named: bool
) -> None:
    child = fork(home, started(home), 2, named=named)
    child.say("Green")
    await synced(store, home)
    assert await stored(store) == EXPECTED
    child.say("Sencha", "assistant")
    await synced(store, home)
    expected = EXPECTED | {"00000002": ("00000001", ["Green", "Sencha"])}
    assert await stored(store) == expected


async def test_a_fork_that_names_its_parent_is_recognised_later(store: Store, home: Home) -> None:
    parent = started(home)
    await synced(store, home)
    fork(home, parent, 2, named=True).say("Green")
    await synced(store, home)
    assert await stored(store) == EXPECTED


async def test_a_fork_without_anything_new_is_not_stored(store: Store, home: Home) -> None:
    fork(home, started(home), 2)
    await synced(store, home)
    assert list(await stored(store)) == ["00000001"]


async def test_a_fork_of_a_fork_has_only_its_own_items(store: Store, home: Home) -> None:
    child = fork(home, started(home), 2, named=True)
    child.say("Green")
    grandchild = fork(home, child, 3, named=True)
    grandchild.say("Thanks")
    await synced(store, home)
    assert await stored(store) == EXPECTED | {"00000003": ("00000002", ["Thanks"])}


async def test_a_parent_that_goes_on_stays_the_parent(store: Store, home: Home) -> None:
    parent = started(home)
    fork(home, parent, 2).say("Green")
    await synced(store, home)
    parent.say("Black")
    await synced(store, home)
    expected = EXPECTED | {"00000001": ("", ["Tea?", "Which?", "Black"])}
    assert await stored(store) == expected


async def test_a_fork_does_not_bring_back_what_its_forgotten_parent_said(
    home: Home, tmp_path: Path
) -> None:
    child = fork(home, started(home), 2)
    child.say("Green")
    async with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        await synced(store, home)
        every = Selection(source="claude-code")
        forgettable = await store.forgettable(every)
        await store.forget([each for each in forgettable if each.title == "Tea?"])
        child.say("Sencha", "assistant")
        await synced(store, home)
        assert await stored(store) == {"00000002": ("00000001", ["Green", "Sencha"])}
        assert [each.title for each in await store.forgettable(every)] == ["Green"]


def test_a_fork_that_is_too_long_for_memory_is_read_without_copies() -> None:
    items = [SourceItem(key=key, item={}) for key in "abc"]
    streamed = StreamedItems(lambda: iter(items))
    conversation = SourceConversation(source="codex", id="2", items=streamed)
    own = without_copies(conversation, "1", {"a", "b"})
    assert (own.parent, list(own.items), len(own.items)) == ("1", items[2:], 1)


def prompt(key: str, text: str) -> SourceItem:
    """Return a prompt of the user."""
    return SourceItem(key=key, item={"type": "message", "role": "user", "content": text})


ANSWER = SourceItem(key="a", item={"type": "message", "role": "assistant", "content": "Which?"})
PARTS = SourceItem(key="p", item={"type": "message", "role": "user", "content": []})
COPIED = [ANSWER, PARTS, prompt("c", "Tea?")]


@pytest.mark.parametrize(
    ("title", "own", "expected"),
    [
        ("Tea?", [ANSWER, PARTS, prompt("o", "Green")], "Green"),
        ("Tea?", [ANSWER], ""),
        ("Leaves", [prompt("o", "Green")], "Leaves"),
        ("Which?", [prompt("o", "Green")], "Which?"),
    ],
)
def test_a_fork_that_is_named_after_a_copied_prompt_is_named_after_its_own_first_one(
    title: str, own: list[SourceItem], expected: str
) -> None:
    own = [replace(item, key=f"own {item.key}") for item in own]
    fork = SourceConversation(source="codex", id="2", items=[*COPIED, *own], title=title)
    copied = {item.key for item in COPIED}
    first = {own[0].key}
    result = SourceConversation(
        source="codex", id="2", items=tuple(own), title=expected, parent="1"
    )
    assert without_copies(fork, "1", copied) == from_first_own(fork, "1", first) == result


def shared(number: int, *keys: str, source: str = "codex", **fields: Any) -> SourceConversation:  # noqa: ANN401 - a conversation's own
    """Return a conversation whose items keep their keys if they are copied."""
    items = [prompt(key, f"Prompt {key}") for key in keys]
    return SourceConversation(
        **{"source": source, "id": f"{number}", "items": items, "has_shared_keys": True, **fields}
    )


async def imported(
    store: Store, *records: SourceConversation, partition: str = ""
) -> dict[str, tuple[str, list[str]]]:
    """Sync these conversations, and return the parent and the prompts of each that is stored."""
    options = SyncOptions(group_items=3, partition=partition)
    file = FoundFile(Path("/logs/a"), 10, len(records), 1)
    found = [FoundSource(Source("codex", ()), [file])]
    await sync(store, found, lambda *_: iter(records), options)
    return {
        each.metadata["source_id"]: (
            each.metadata.get("parent", ""),
            [str(item.item["content"][0]["text"])[-1:] for item in each.items],
        )
        async for each in store.export_conversations(partition)
    }


async def test_a_fork_and_its_parent_are_of_one_partition(store: Store) -> None:
    parent, child = shared(1, "a", "b"), shared(2, "a", "b", "c", parent="1")
    await imported(store, parent, partition="mine")
    own = await imported(store, parent, child, partition="mine")
    assert own == {"1": ("", ["a", "b"]), "2": ("1", ["c"])}
    own = await imported(store, shared(2, "a", "b", "c", "d"), partition="mine")
    assert own == {"1": ("", ["a", "b"]), "2": ("1", ["c", "d"])}
    assert await imported(store, child) == {"2": ("1", ["a", "b", "c"])}


async def test_conversations_without_shared_keys_or_of_other_programs_are_no_forks(
    store: Store,
) -> None:
    assert await imported(
        store,
        shared(1, "a", "b"),
        shared(2, "a", "b", "c", has_shared_keys=False),
        shared(3, "a", "b", "d", source="cursor"),
        shared(1, "a", "b", "e"),
        shared(4, "b", "a"),
    ) == {
        "1": ("", ["a", "b", "e"]),
        "2": ("", ["a", "b", "c"]),
        "3": ("", ["a", "b", "d"]),
    }


async def test_the_copies_of_sixteen_ancestors_are_left_out(store: Store) -> None:
    keys = "abcdefghijklmnopqr"
    last = len(keys) - 1
    forks = [shared(at, *keys[: at + 1], parent=f"{at - 1}") for at in range(1, last + 1)]
    assert await imported(store, shared(0, "a"), *forks) == {
        "0": ("", ["a"]),
        **{f"{at}": (f"{at - 1}", [keys[at]]) for at in range(1, last)},
        f"{last}": (f"{last - 1}", list(keys)),
    }


async def test_conversations_that_name_each_other_as_parents_are_stored(store: Store) -> None:
    assert await imported(store, shared(1, "a", parent="2"), shared(2, "a", "b", parent="1")) == {
        "1": ("2", ["a"]),
        "2": ("1", ["b"]),
    }


async def test_a_conversation_without_items_is_not_stored(store: Store) -> None:
    assert await imported(store, shared(1), shared(2, "a")) == {"2": ("", ["a"])}
