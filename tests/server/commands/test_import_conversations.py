"""Conversations as JSON Lines: what a line may hold, and that nothing is lost on the way."""

import io
import json
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll.commands.local_store import opened_store
from backscroll.commands.transfer.formats import documents, jsonl
from backscroll.commands.transfer.formats.entries import Imported, ImportFile, Partly, Refused
from backscroll.commands.transfer.formats.objects import conversation_object
from backscroll.commands.transfer.importing import import_sources
from backscroll.database.json_text import dump_json
from backscroll.store.app import Store
from backscroll.store.archive.records import ImportedConversation, ImportedItem
from backscroll.store.envelopes import JSON
from tests.store.conftest import examples_share_a_store

ITEMS: list[JSON] = [
    {"role": "user", "content": "Hello"},
    {"type": "not invented yet", "deep": [None]},
]


def parsed(line: object) -> Imported | Partly | Refused:
    return jsonl.parse(json.dumps(line).encode())


@pytest.mark.parametrize("named", [{}, {"object": "conversation"}])
def test_a_line_with_items_is_a_conversation(named: dict[str, str]) -> None:
    line = {**named, "id": "conv_1", "created_at": 5, "metadata": {"a": "1"}, "items": ITEMS}
    assert parsed(line) == ImportedConversation(
        key="conv_1",
        created_at=5,
        items=[*map(ImportedItem, ITEMS)],
        id="conv_1",
        metadata={"a": "1"},
    )


def test_a_line_without_a_name_goes_by_what_it_holds() -> None:
    first, again, other = (parsed({"items": items}) for items in (ITEMS, ITEMS, ITEMS[:1]))
    assert isinstance(first, ImportedConversation)
    assert isinstance(again, ImportedConversation)
    assert isinstance(other, ImportedConversation)
    assert first.key == again.key != other.key


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"object": "conversation"}, "items is missing"),
        ({"items": {}}, "items must be an array"),
        ({"items": ["Hello"]}, "items[0] must be an object"),
        ({"items": [], "created_at": "now"}, "created_at must be Unix seconds or ISO 8601"),
        (
            {"object": "list", "items": []},
            'object must be "thread", "conversation", "chat.completion" or "response"',
        ),
    ],
)
def test_a_line_is_refused_with_the_field_and_the_rule(line: object, reason: str) -> None:
    assert parsed(line) == Refused(reason)


async def test_an_item_that_the_store_refuses_is_named_with_its_line(tmp_path: Path) -> None:
    lines = [{"items": ITEMS}, {"items": [*ITEMS, {"role": "user"}]}, {"items": ITEMS[:1]}]
    content = "\n".join(map(json.dumps, lines)).encode()
    refusals: list[str] = []
    source = ImportFile("lines", documents.entries(io.BytesIO(content)), None)
    tally = await import_sources(f"sqlite:///{tmp_path}/a.db", [source], refusals.append)
    assert tally.counts == {"imported": 2, "refused": 1}
    assert refusals == ["lines: line 2: Missing required parameter: 'items[2].content'."]


_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "critic"]), "content": _texts}
)
_others = st.fixed_dictionaries(
    {"type": _texts.filter(lambda kind: kind not in {"", "message", "item_reference"})},
    optional={"summary": st.lists(st.dictionaries(_texts, _texts, max_size=2), max_size=2)},
)


@pytest.fixture
async def stores() -> AsyncIterator[tuple[Store, Store]]:
    async with opened_store("sqlite://") as store, opened_store("sqlite://") as copy:
        yield store, copy


_numbers = count(1)


@examples_share_a_store
@given(items=st.lists(_messages | _others, max_size=6))
async def test_what_is_exported_imports_into_the_same(
    stores: tuple[Store, Store], items: list[dict[str, object]]
) -> None:
    store, copy = stores
    name = f"conv_{next(_numbers)}"  # each example has a conversation and a partition of its own
    conversation = parsed({"id": name, "created_at": 5, "items": items})
    assert isinstance(conversation, ImportedConversation)
    await store.import_conversation(conversation, name)
    [exported] = [each async for each in store.export_conversations(name)]
    line = dump_json(conversation_object(exported)).encode()
    again = jsonl.parse(line)
    assert again == exported
    assert isinstance(again, ImportedConversation)
    assert (await copy.import_conversation(again, name)).kind == "imported"
    assert [each async for each in copy.export_conversations(name)] == [exported]
