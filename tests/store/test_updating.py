"""What was imported before is brought up to date, and what the user did meanwhile stays."""

from collections.abc import Sequence
from typing import Any

import httpx2
import pytest
from msgspec.structs import replace

from backscroll.database.faults import StoreError
from backscroll.store.app import Store
from backscroll.store.archive.records import (
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedThread,
    ImportOutcome,
    Watermark,
)
from backscroll.store.conversation_object import MAX_ITEM_TEXT
from tests.store.conftest import Sql, on_one_engine
from tests.store.wire import Json, add, add_items, page

CONVERSATION_ID = "conv_1"
ITEMS = f"/conversations/{CONVERSATION_ID}/items"


def said(key: str, text: str, at: int | None = None) -> ImportedItem:
    role = "user" if len(key) == 1 else "assistant"
    return ImportedItem({"role": role, "content": text}, created_at=at, key=key)


def called(key: str) -> ImportedItem:
    call = {"type": "function_call", "name": "f", "arguments": "{}", "call_id": key}
    return ImportedItem(call, key=key)


def of(*items: ImportedItem, **others: Any) -> ImportedConversation:  # noqa: ANN401 - of several types
    fields = {"key": "chatgpt:1", "id": CONVERSATION_ID, "created_at": 100, "metadata": {}}
    return ImportedConversation(**{**fields, **others}, items=items)


async def shown(api: httpx2.AsyncClient) -> list[str]:
    """Return the texts of the conversation's messages, and the types of its other items."""
    listed = await page(api, ITEMS, order="asc", limit=100)
    return [
        item["content"][0]["text"] if item["type"] == "message" else item["type"]
        for item in listed["data"]
    ]


async def found(api: httpx2.AsyncClient, word: str) -> list[str]:
    """Return the texts of the messages that a search for one word finds, oldest first."""
    hits = (await page(api, "/search", query=word, order="oldest"))["data"]
    return [hit["excerpt"]["text"] for hit in hits]


async def counted(api: httpx2.AsyncClient) -> tuple[int, int]:
    """Return the conversation's number of messages, and its last activity."""
    listed = await page(api, "/threads", sort="activity", **{"include[]": "conversations"})
    [conversation] = listed["data"]
    return conversation["message_count"], conversation["last_message_at"]


def outcome(kind: Any, **counts: Any) -> ImportOutcome:  # noqa: ANN401 - a literal
    return ImportOutcome(kind=kind, id=CONVERSATION_ID, **counts)


def without_keys(done: ImportOutcome) -> ImportOutcome:
    """Leave out the keys of what was written."""
    return replace(done, written=frozenset())


async def test_the_same_again_changes_nothing(store: Store, api: httpx2.AsyncClient) -> None:
    given = of(said("a", "Oolong?", 101), called("t"), said("aa", "Three minutes.", 102))
    assert without_keys(await store.import_conversation(given)) == outcome("imported", added=3)
    before = await page(api, ITEMS)
    assert without_keys(await store.import_conversation(given)) == outcome("present")
    assert await page(api, ITEMS) == before


async def test_a_grown_conversation_gets_exactly_its_new_items(
    store: Store, api: httpx2.AsyncClient
) -> None:
    first = [said("a", "Oolong?", 101), called("t")]
    await store.import_conversation(of(*first))
    before = (await page(api, ITEMS, order="asc"))["data"]
    grown = of(*first, said("bb", "Three minutes.", 150), last_active_at=150)
    assert without_keys(await store.import_conversation(grown)) == outcome("updated", added=1)
    after = (await page(api, ITEMS, order="asc"))["data"]
    assert after[:2] == before
    assert await shown(api) == ["Oolong?", "function_call", "Three minutes."]
    assert after[2]["created_at"] == 150
    assert await counted(api) == (2, 150)
    assert await found(api, "minutes") == ["Three minutes."]


async def test_an_edited_item_is_replaced_where_it_is(
    store: Store, api: httpx2.AsyncClient
) -> None:
    await store.import_conversation(of(said("a", "Oolong?"), said("bb", "Three minutes.")))
    before = (await page(api, ITEMS, order="asc"))["data"]
    edited = of(said("a", "Sencha?"), said("bb", "Three minutes."))
    assert without_keys(await store.import_conversation(edited)) == outcome("updated", replaced=1)
    after = (await page(api, ITEMS, order="asc"))["data"]
    assert await shown(api) == ["Sencha?", "Three minutes."]
    assert [each["id"] for each in after] == [each["id"] for each in before]
    assert await found(api, "oolong") == []
    assert await found(api, "sencha") == ["Sencha?"]


async def test_a_changed_branch_is_followed_and_the_abandoned_items_are_erased(
    store: Store, api: httpx2.AsyncClient, sql: Sql
) -> None:
    start = said("a", "Tea?")
    await store.import_conversation(of(start, said("bb", "Abandoned."), said("c", "Why?")))
    again = of(start, said("dd", "Chosen."), said("e", "Thanks."), called("t"))
    assert without_keys(await store.import_conversation(again)) == outcome(
        "updated", added=3, removed=2
    )
    assert await shown(api) == ["Tea?", "Chosen.", "Thanks.", "function_call"]
    assert await found(api, "abandoned") == []
    assert await counted(api) == (3, 100)
    kept = await sql("SELECT count(*) FROM items WHERE CAST(body AS TEXT) LIKE '%bandoned%'")
    assert kept == [(0,)]


async def test_a_branch_can_be_chosen_again(store: Store, api: httpx2.AsyncClient) -> None:
    one = of(
        said("a", "Tea?"),
        replace(said("bb", "One."), item={"id": "msg_one", "role": "assistant", "content": "One."}),
    )
    other = of(said("a", "Tea?"), said("cc", "Other."))
    for given, texts in ((one, ["Tea?", "One."]), (other, ["Tea?", "Other."])) * 2:
        await store.import_conversation(given)
        assert await shown(api) == texts


async def test_a_conversation_that_was_emptied_can_grow_again(
    store: Store, api: httpx2.AsyncClient
) -> None:
    nameless = [ImportedItem({"role": "user", "content": text}) for text in ("one", "two")]
    for items, texts in ((nameless, ["one", "two"]), ([], []), (nameless[:1], ["one"])):
        await store.import_conversation(of(*items))
        assert await shown(api) == texts


async def test_a_new_first_message_is_indexed_with_the_title(
    store: Store, api: httpx2.AsyncClient
) -> None:
    title = {"title": "Samovar"}
    old = of(said("a", "Black tea?"), said("bb", "Yes."), metadata=title)
    await store.import_conversation(old)
    edited = of(said("c", "Green tea?"), said("dd", "No."), metadata=title)
    assert without_keys(await store.import_conversation(edited)) == outcome(
        "updated", added=2, removed=2
    )
    assert await found(api, "samovar") == ["Green tea?"]
    earlier = of(said("z", "Hello."), said("c", "Green tea?"), said("dd", "No."), metadata=title)
    assert without_keys(await store.import_conversation(earlier)) == outcome("updated", added=1)
    assert await shown(api) == ["Hello.", "Green tea?", "No."]
    assert await found(api, "samovar") == ["Hello."]


async def test_an_item_before_others_is_put_in_the_order_of_the_source(
    store: Store, api: httpx2.AsyncClient
) -> None:
    one, two, three = said("a", "one"), said("b", "two"), said("c", "three")
    await store.import_conversation(of(one, three))
    assert without_keys(await store.import_conversation(of(one, two, three))) == outcome(
        "updated", added=1
    )
    assert await shown(api) == ["one", "two", "three"]
    assert without_keys(await store.import_conversation(of(three, one, two))) == outcome("updated")
    assert await shown(api) == ["three", "one", "two"]
    assert await found(api, "two") == ["two"]


async def test_what_the_user_wrote_and_deleted_stays_so(
    store: Store, api: httpx2.AsyncClient
) -> None:
    one, two = said("a", "one"), said("b", "two")
    await store.import_conversation(of(one, two, last_active_at=150))
    [mine] = await add_items(api, CONVERSATION_ID, {"role": "user", "content": "mine"})
    first = (await page(api, ITEMS, order="asc"))["data"][0]["id"]
    await api.delete(f"{ITEMS}/{first}")
    grown = of(one, said("c", "three"), last_active_at=160)
    assert without_keys(await store.import_conversation(grown)) == outcome(
        "updated", added=1, removed=1
    )
    assert await shown(api) == ["mine", "three"]
    assert mine["id"] in [each["id"] for each in (await page(api, ITEMS))["data"]]
    count, active = await counted(api)
    assert count == 2
    assert active > 160


async def test_an_older_state_undoes_nothing(store: Store, api: httpx2.AsyncClient) -> None:
    older = of(said("a", "one", 101), said("b", "old", 102))
    newer = of(said("a", "one", 101), said("c", "new", 103))
    await store.import_conversation(newer)
    assert without_keys(await store.import_conversation(older)) == outcome("present")
    assert await shown(api) == ["one", "new"]


async def test_an_older_state_with_the_same_time_undoes_nothing(
    store: Store, api: httpx2.AsyncClient
) -> None:
    start = said("a", "one", 101)
    edited = of(start, said("c", "new", 103), updated_at=110)
    before_edit = of(start, said("b", "old", 102), updated_at=110)
    shorter = of(start, updated_at=110)
    await store.import_conversation(before_edit)
    assert without_keys(await store.import_conversation(edited)) == outcome(
        "updated", added=1, removed=1
    )
    for older in (before_edit, shorter):
        assert without_keys(await store.import_conversation(older)) == outcome("present")
        assert await shown(api) == ["one", "new"]
    later = replace(shorter, updated_at=111)
    assert without_keys(await store.import_conversation(later)) == outcome("updated", removed=1)


async def test_a_branch_that_was_chosen_again_is_followed_if_the_source_is_newer(
    store: Store, api: httpx2.AsyncClient
) -> None:
    first = of(said("a", "one", 101), said("b", "old", 102))
    second = of(said("a", "one", 101), said("c", "new", 103), updated_at=110)
    again = of(said("a", "one", 101), said("b", "old", 102), updated_at=120)
    for given in (first, second, again, second, first):
        await store.import_conversation(given)
    assert await shown(api) == ["one", "old"]


async def test_a_tail_is_appended_and_removes_nothing(
    store: Store, api: httpx2.AsyncClient
) -> None:
    await store.import_conversation(of(said("a", "one", 101), said("b", "two", 102)))
    tail = of(said("b", "two", 102), said("c", "three", 103), is_tail=True)
    assert without_keys(await store.import_conversation(tail)) == outcome("updated", added=1)
    assert without_keys(await store.import_conversation(tail)) == outcome("present")
    edited = of(said("c", "four", 103), is_tail=True)
    assert without_keys(await store.import_conversation(edited)) == outcome("updated", replaced=1)
    assert await shown(api) == ["one", "two", "four"]
    with pytest.raises(StoreError, match="one of its last items has no key"):
        await store.import_conversation(of(ImportedItem({"type": "x"}), is_tail=True))


async def test_metadata_follows_the_source_except_where_the_user_changed_it(
    store: Store, api: httpx2.AsyncClient
) -> None:
    url = f"/conversations/{CONVERSATION_ID}"
    item = said("a", "one")
    first = {"title": "A", "model": "m1", "gone": "x"}
    await store.import_conversation(of(item, metadata=first))
    second = {"title": "B", "model": "m1"}
    assert without_keys(await store.import_conversation(of(item, metadata=second))) == outcome(
        "updated"
    )
    assert (await page(api, url))["metadata"] == second
    assert await found(api, "b") == ["one"]
    await api.post(url, json={"metadata": {"title": "Mine", "model": "m1", "own": "1"}})
    third = {"title": "C", "model": "m2"}
    assert without_keys(await store.import_conversation(of(item, metadata=third))) == outcome(
        "updated"
    )
    assert (await page(api, url))["metadata"] == {"title": "Mine", "model": "m2", "own": "1"}
    assert without_keys(await store.import_conversation(of(item, metadata=third))) == outcome(
        "present"
    )


async def test_items_with_the_same_key_are_kept_if_they_differ(
    store: Store, api: httpx2.AsyncClient
) -> None:
    given = of(said("a", "one"), said("a", "two"), said("a", "one"))
    assert without_keys(await store.import_conversation(given)) == outcome("imported", added=2)
    assert await shown(api) == ["one", "two"]
    assert without_keys(await store.import_conversation(given)) == outcome("present")


async def test_text_that_cannot_be_stored_is_repaired_and_counted(
    store: Store, api: httpx2.AsyncClient
) -> None:
    call = {"type": "function_call_output", "call_id": "1", "output": ["\0", {"\udc80": "ok"}]}
    given = of(said("a", "a\0b\ud800"), ImportedItem(call, key="o"), metadata={"title": "\0"})
    assert without_keys(await store.import_conversation(given)) == outcome(
        "imported", added=2, repaired=5
    )
    assert without_keys(await store.import_conversation(given)) == outcome("present", repaired=5)
    assert await shown(api) == ["a\ufffdb\ufffd", "function_call_output"]
    output = (await page(api, ITEMS))["data"][0]["output"]
    assert output == ["\ufffd", {"\ufffd": "ok"}]


async def test_metadata_is_cut_to_the_limits_of_the_api(
    store: Store, api: httpx2.AsyncClient
) -> None:
    long = {f"{number:02}" * 50: "v" * 1_000 for number in range(20)}
    await store.import_conversation(of(said("a", "one"), metadata=long))
    expected = {f"{number:02}" * 32: "v" * 512 for number in range(16)}
    assert (await page(api, f"/conversations/{CONVERSATION_ID}"))["metadata"] == expected


async def test_several_conversations_are_written_at_once_and_a_bad_one_is_refused(
    store: Store, sql: Sql
) -> None:
    good = [of(said("a", "one"), key=f"k{number}", id=f"conv_{number}") for number in range(3)]
    bad = of(ImportedItem({"role": "user"}), key="bad")
    mark = Watermark(path="/logs/a", size=5, mtime_ns=1 << 60, inode=7, state='{"offset": 5}')
    outcomes = await store.import_conversations([good[0], bad, *good[1:], good[0]], "", [mark])
    assert [each.kind for each in outcomes] == [
        *("imported", "refused", "imported", "imported", "present"),
    ]
    assert outcomes[1].reason == "Missing required parameter: 'items[0].content'."
    assert await store.watermarks() == {"/logs/a": mark}
    later = replace(mark, size=6, inode=None, state=None)
    await store.set_watermarks([mark, later, replace(mark, path="/logs/b")])
    assert await store.watermarks() == {"/logs/a": later, "/logs/b": replace(mark, path="/logs/b")}
    assert await store.watermarks("other") == {}
    assert await sql("SELECT count(*) FROM conversations") == [(3,)]


async def test_a_value_that_the_database_does_not_accept_costs_its_conversation_alone(
    store: Store,
) -> None:
    good = [of(said("a", "one"), key=f"k{number}", id=f"conv_{number}") for number in range(2)]
    bad = of(said("a", "one", 1 << 70), key="bad", id="conv_bad")
    mark = Watermark(path="/logs/a", size=5, mtime_ns=1)
    outcomes = await store.import_conversations([good[0], bad, good[1]], "", [mark])
    assert [each.kind for each in outcomes] == ["imported", "refused", "imported"]
    assert await store.watermarks() == {"/logs/a": mark}
    with pytest.raises(StoreError, match="the database does not accept one of its values"):
        await store.import_conversation(bad)


def thread(*texts: str, key: str = "t", **others: Any) -> ImportedThread:  # noqa: ANN401 - of several types
    messages = [
        ImportedMessage(role="user", content=text, created_at=100 + at)
        for at, text in enumerate(texts)
    ]
    fields: Json = {"id": "thread_1", "created_at": 100, "messages": messages}
    return ImportedThread(key=key, **{**fields, **others})


async def thread_texts(api: httpx2.AsyncClient) -> list[str]:
    listed = await page(api, "/threads/thread_1/messages", order="asc")
    return [each["content"][0]["text"]["value"] for each in listed["data"]]


async def test_a_grown_and_edited_thread_is_brought_up_to_date(
    store: Store, api: httpx2.AsyncClient
) -> None:
    def done(kind: Any, **counts: Any) -> ImportOutcome:  # noqa: ANN401 - a literal
        return ImportOutcome(kind=kind, id="thread_1", **counts)

    assert without_keys(await store.import_thread(thread("one", "two"))) == done(
        "imported", added=2
    )
    assert without_keys(await store.import_thread(thread("one", "two"))) == done("present")
    await add(api, "thread_1", "mine")
    grown = thread("one", "zwei", "three")
    assert without_keys(await store.import_thread(grown)) == done("updated", added=1, replaced=1)
    assert await thread_texts(api) == ["one", "zwei", "mine", "three"]
    assert without_keys(await store.import_thread(grown)) == done("present")
    [listed] = (await page(api, "/threads"))["data"]
    assert (listed["message_count"], listed["last_message_at"]) == (4, 102)


async def test_messages_with_ids_are_recognised_by_them(
    store: Store, api: httpx2.AsyncClient
) -> None:
    def of_ids(*ids: str) -> Sequence[ImportedMessage]:
        return [ImportedMessage(role="user", content=id_, created_at=1, id=id_) for id_ in ids]

    await store.import_thread(thread(messages=of_ids("msg_a", "msg_b")))
    second = thread(messages=of_ids("msg_b", "msg_c"))
    done = await store.import_thread(second)
    assert (done.kind, done.added, done.removed) == ("updated", 1, 1)
    assert await thread_texts(api) == ["msg_b", "msg_c"]
    assert [each async for each in store.export_threads()] == [
        replace(
            second,
            messages=[
                replace(
                    each,
                    content=[{"type": "text", "text": {"value": each.id, "annotations": []}}],
                    attachments=[],
                )
                for each in second.messages
            ],
        )
    ]


async def test_an_export_of_updated_conversations_imports_elsewhere_as_the_same(
    store: Store,
) -> None:
    await store.import_conversation(of(said("a", "one", 101), said("b", "two")), "first")
    await store.import_conversation(of(said("b", "two"), said("c", "3", 103)), "first")
    exported = [each async for each in store.export_conversations("first")]
    for each in exported:
        assert (await store.import_conversation(each, "second")).kind == "imported"
        assert (await store.import_conversation(each, "first")).kind == "present"
    assert [each async for each in store.export_conversations("second")] == exported
    grown = of(said("b", "two"), said("c", "3", 103), said("d", "4"))
    done = await store.import_conversation(grown, "second")
    assert (done.kind, done.added, done.removed) == ("updated", 1, 0)


@on_one_engine
async def test_a_text_that_is_too_long_for_one_part_is_divided(
    store: Store, api: httpx2.AsyncClient
) -> None:
    text = "ab" * (MAX_ITEM_TEXT // 2) + "c"
    part = {"type": "output_text", "text": text}
    given = of(said("a", text), ImportedItem({"role": "assistant", "content": [part]}, key="b"))
    assert without_keys(await store.import_conversation(given)) == outcome("imported", added=2)
    assert without_keys(await store.import_conversation(given)) == outcome("present")
    listed = (await page(api, ITEMS, order="asc"))["data"]
    lengths = [[len(part["text"]) for part in item["content"]] for item in listed]
    assert lengths == [[MAX_ITEM_TEXT, 1]] * 2
