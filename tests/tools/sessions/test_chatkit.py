"""ChatKit's store, with ChatKit itself and a real store."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from chatkit.server import ChatKitServer, NonStreamingResult, StreamingResult
from chatkit.store import NotFoundError, Store
from chatkit.types import (
    Annotation,
    AssistantMessageContent,
    AssistantMessageItem,
    ClientToolCallItem,
    ClosedStatus,
    CustomTask,
    EndOfTurnItem,
    FileAttachment,
    HiddenContextItem,
    ImageAttachment,
    InferenceOptions,
    TaskItem,
    Thread,
    ThreadItem,
    ThreadItemDoneEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    URLSource,
    UserMessageItem,
    UserMessageTagContent,
    UserMessageTextContent,
    WidgetItem,
    Workflow,
    WorkflowItem,
)

from backscroll_tools.errors import ToolError
from backscroll_tools.sessions.chatkit import BackscrollStore
from tests.tools.opened import opened
from tests.tools.sessions.stage import Stage, at_once

BEGUN = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)
PICTURE = ImageAttachment(
    id="atc_1", name="a.png", mime_type="image/png", preview_url="https://example.com/a.png"
)
FILE = FileAttachment(id="atc_2", name="a.pdf", mime_type="application/pdf", metadata={"n": 1})


def thread(thread_id: str = "thr_1", **others: Any) -> ThreadMetadata:  # noqa: ANN401 - JSON
    return ThreadMetadata(id=thread_id, created_at=BEGUN, **others)


def fields(number: int, name: str = "") -> dict[str, Any]:
    at = BEGUN + timedelta(seconds=number)
    return {"id": name or f"item_{number}", "thread_id": "thr_1", "created_at": at}


def said(number: int, text: str = "", name: str = "") -> UserMessageItem:
    return UserMessageItem(
        **fields(number, name),
        content=[UserMessageTextContent(text=text or str(number))],
        inference_options=InferenceOptions(),
    )


def answered(number: int, text: str, *annotations: Annotation) -> AssistantMessageItem:
    content = [AssistantMessageContent(text=text, annotations=list(annotations))]
    return AssistantMessageItem(**fields(number), content=content)


CARD = {"type": "Card", "children": [{"type": "Text", "value": "A cat"}]}
CALL = ClientToolCallItem(**fields(3), call_id="call_1", name="look", arguments={"at": 1})
_PLAIN: list[ThreadItem] = [
    UserMessageItem(
        **fields(1),
        content=[
            UserMessageTextContent(text="What is "),
            UserMessageTagContent(id="t", text="this?", data={"a": [1]}),
        ],
        attachments=[PICTURE, FILE],
        quoted_text="that",
        inference_options=InferenceOptions(model="m"),
    ),
    answered(2, "Let me see.", Annotation(source=URLSource(title="A", url="https://example.com"))),
    CALL.model_copy(update={"status": "completed", "output": {"kind": "cat"}}),
    TaskItem(**fields(5), task=CustomTask(title="Looking")),
    WorkflowItem(**fields(6), workflow=Workflow(type="custom", tasks=[CustomTask(title="b")])),
    HiddenContextItem(**fields(7), content={"a": [None, 1]}),
    EndOfTurnItem(**fields(8)),
]

pytestmark = pytest.mark.filterwarnings("ignore:Direct usage of named widget:DeprecationWarning")
"""ChatKit warns of its own widgets, also when it reads one."""


@cache
def items() -> list[ThreadItem]:
    """Return an item of each kind."""
    widget = WidgetItem.model_validate({**fields(4), "widget": CARD, "copy_text": "A cat"})
    return [*_PLAIN[:3], widget, *_PLAIN[3:]]


async def read(
    store: BackscrollStore[Any],
    limit: int = 100,
    order: str = "asc",
    after: str | None = None,
    context: object = None,
) -> list[ThreadItem]:
    page = await store.load_thread_items("thr_1", after, limit, order, context)
    found: list[ThreadItem] = page.data
    return found


async def test_items_come_back_as_they_were_added(stage: Stage) -> None:
    store, elsewhere = (BackscrollStore[None](each) for each in (stage.client, stage.other))
    assert isinstance(store, Store)
    await store.save_thread(thread(), None)
    assert await read(store) == []

    for item in items():
        await store.add_thread_item("thr_1", item, None)

    assert await read(elsewhere) == items()
    assert await read(elsewhere, order="desc") == items()[::-1]
    for item in items():
        assert await elsewhere.load_item("thr_1", item.id, None) == item


async def test_every_tool_reads_them(stage: Stage) -> None:
    store = BackscrollStore[None](stage.client)
    await store.save_thread(thread(title="Animals"), None)
    for item in items():
        await store.add_thread_item("thr_1", item, None)

    assert await stage.shown() == [
        ("user", "What is \nthis?"),
        ("assistant", "Let me see."),
        ("assistant", '{"at":1}'),
        ("tool", '{"kind":"cat"}'),
        ("assistant", "A cat"),
    ]
    assert await stage.found("see") == ["Let me **see**."]
    (listed,) = (await stage.tool("list-threads"))["threads"]
    assert listed["title"] == "Animals"
    assert listed["metadata"] == {"session_of": "chatkit", "session": "thr_1"}


async def test_a_thread_is_saved_and_changed_whole(stage: Stage) -> None:
    store, elsewhere = (BackscrollStore[None](each) for each in (stage.client, stage.other))
    made = thread(
        title="A" * 600, metadata={"a": {"b": ["ключ" * 300]}}, allowed_image_domains=["x"]
    )
    changed = thread(title=None, status=ClosedStatus(reason="done"))

    for each in (made, changed):
        await store.save_thread(each, None)
        assert await elsewhere.load_thread("thr_1", None) == each
    await store.save_thread(Thread(**made.model_dump(), items={"data": []}), None)
    assert await elsewhere.load_thread("thr_1", None) == made
    assert len((await elsewhere.load_threads(9, None, "desc", None)).data) == 1


async def test_a_thread_remains_when_somebody_replaces_the_conversation_s_metadata(
    stage: Stage,
) -> None:
    store = BackscrollStore[None](stage.client)
    await store.save_thread(thread(metadata={"a": 1}), None)
    (listed,) = (await stage.tool("list-threads"))["threads"]
    replaced = {"session_of": "chatkit", "session": "thr_1", "title": "Mine"}
    await stage.tool("modify-thread", thread_id=listed["id"], metadata=replaced)

    found = await store.load_thread("thr_1", None)

    assert (found.id, found.title, found.metadata) == ("thr_1", "Mine", {})
    await store.save_thread(thread(title="Again"), None)
    assert await store.load_thread("thr_1", None) == thread(title="Again")


async def test_a_thread_s_metadata_is_limited(stage: Stage) -> None:
    store = BackscrollStore[None](stage.client)
    with pytest.raises(ToolError, match="the maximum is 5,632"):
        await store.save_thread(thread(metadata={"a": "b" * 5_600}), None)


async def test_250_items_and_threads_are_read_page_by_page() -> None:
    async with opened() as embedded:
        store = BackscrollStore[None](embedded.client)
        for number in range(250):
            await store.save_thread(thread(f"thr_{number}"), None)
        for number in range(250):
            await store.add_thread_item("thr_1", said(number), None)

        for order in ("asc", "desc"):
            expected = [*range(250)] if order == "asc" else [*range(249, -1, -1)]
            items: list[str] = []
            threads: list[str] = []
            after = None
            for length in (120, 120, 10):
                page = await store.load_thread_items("thr_1", after, 120, order, None)
                items += [each.id for each in page.data]
                assert (len(page.data), page.has_more) == (length, length > 10)
                after = page.after
            after = None
            for length in (120, 120, 10):
                listed = await store.load_threads(120, after, order, None)
                threads += [each.id for each in listed.data]
                assert (len(listed.data), listed.has_more) == (length, length > 10)
                after = listed.after
            assert items == [f"item_{number}" for number in expected]
            assert threads == [f"thr_{number}" for number in expected]


async def test_a_saved_item_replaces_the_earlier_one_in_its_place(stage: Stage) -> None:
    store = BackscrollStore[None](stage.client)
    await store.save_thread(thread(), None)
    for item in (said(1), CALL, said(4)):
        await store.add_thread_item("thr_1", item, None)
    completed = CALL.model_copy(update={"status": "completed", "output": "a cat"})

    await store.save_item("thr_1", said(5), None)
    await store.save_item("thr_1", completed, None)
    await store.save_item("thr_1", said(1, "edited"), None)

    assert await read(store) == [said(1, "edited"), completed, said(4), said(5)]
    shown = await stage.shown()
    assert sorted(text for _, text in shown) == ["4", "5", "a cat", "edited", '{"at":1}']


async def test_a_deleted_item_is_gone_with_all_its_parts(stage: Stage) -> None:
    store = BackscrollStore[None](stage.client)
    await store.save_thread(thread(), None)
    for item in items():
        await store.add_thread_item("thr_1", item, None)

    await store.delete_thread_item("thr_1", CALL.id, None)
    await store.delete_thread_item("thr_1", "never", None)

    assert await read(store) == [item for item in items() if item.id != CALL.id]
    assert [text for _, text in await stage.shown()] == [
        "What is \nthis?",
        "Let me see.",
        "A cat",
    ]


async def test_a_deleted_thread_is_gone_and_can_begin_again(stage: Stage) -> None:
    store = BackscrollStore[None](stage.client)
    await store.save_thread(thread(), None)
    await store.add_thread_item("thr_1", said(1), None)

    await store.delete_thread("thr_1", None)
    await store.delete_thread("never", None)

    assert (await store.load_threads(9, None, "asc", None)).data == []
    await store.save_thread(thread(title="Again"), None)
    assert await read(store) == []


async def test_what_does_not_exist_is_not_found(stage: Stage) -> None:
    store = BackscrollStore[None](stage.client)
    await store.save_thread(thread(), None)

    for load in (
        store.load_thread("thr_2", None),
        store.load_thread_items("thr_2", None, 9, "asc", None),
        store.load_thread_items("thr_1", "item_1", 9, "asc", None),
        store.load_threads(9, "thr_2", "asc", None),
        store.add_thread_item("thr_2", said(1), None),
        store.load_item("thr_1", "item_1", None),
        store.load_attachment("atc_1", None),
    ):
        with pytest.raises(NotFoundError):
            await load


async def test_attachments_come_back_until_they_are_deleted() -> None:
    async with opened() as embedded:
        store = BackscrollStore[None](embedded.client)
        await store.save_attachment(PICTURE, None)
        for number in range(120):
            other = FILE.model_copy(update={"id": f"atc_0{number}"})
            await store.save_attachment(other, None)
        renamed = FILE.model_copy(update={"name": "b.pdf", "thread_id": "thr_1"})
        for each in (FILE, renamed):
            await store.save_attachment(each, None)

        assert await store.load_attachment("atc_1", None) == PICTURE
        assert await store.load_attachment("atc_2", None) == renamed
        await store.delete_attachment("atc_2", None)
        with pytest.raises(NotFoundError):
            await store.load_attachment("atc_2", None)


async def test_a_user_sees_nothing_of_another_one(stage: Stage) -> None:
    store = BackscrollStore[dict[str, str]](stage.client, lambda context: context["user"])
    ann, ben = {"user": "ann"}, {"user": "ben"}
    await store.save_thread(thread(title="Ann's"), ann)
    await store.add_thread_item("thr_1", said(1), ann)
    await store.save_attachment(FILE, ann)

    for load in (
        store.load_thread("thr_1", ben),
        read(store, context=ben),
        store.load_attachment("atc_2", ben),
    ):
        with pytest.raises(NotFoundError):
            await load
    await store.delete_thread("thr_1", ben)
    await store.save_thread(thread(title="Ben's"), ben)
    assert await store.load_thread("thr_1", ann) == thread(title="Ann's")
    assert (await store.load_threads(9, None, "asc", ben)).data == [thread(title="Ben's")]
    assert await read(store, context=ann) == [said(1)]


async def test_changes_that_are_repeated_after_a_failure_are_made_once(stage: Stage) -> None:
    store = BackscrollStore[None](stage.client)
    await store.save_thread(thread(), None)
    completed = CALL.model_copy(update={"status": "completed", "output": "a cat"})

    titled = thread(title="Animals")
    await stage.despite_lost_replies(lambda: store.save_thread(titled, None))
    assert await store.load_thread("thr_1", None) == titled
    await stage.despite_lost_replies(lambda: store.add_thread_item("thr_1", CALL, None))
    await stage.despite_lost_replies(lambda: store.save_item("thr_1", completed, None))
    await stage.with_every_second_reply_lost(lambda: store.save_item("thr_1", said(4), None))
    await stage.with_every_second_reply_lost(lambda: store.save_thread(thread(title="A"), None))

    assert await read(store) == [completed, said(4)]
    assert [text for _, text in await stage.shown()] == ['{"at":1}', "a cat", "4"]
    await stage.with_every_second_reply_lost(
        lambda: store.delete_thread_item("thr_1", CALL.id, None)
    )
    assert await read(store) == [said(4)]


async def test_two_programs_that_begin_one_thread_lose_nothing(stage: Stage) -> None:
    stores = [BackscrollStore[None](client) for client in (stage.client, stage.other)]
    await at_once(*(store.save_thread(thread(), None) for store in stores for _ in "123"))

    await at_once(
        *(
            store.add_thread_item("thr_1", said(each, name=f"{number} {each}"), None)
            for number, store in enumerate(stores)
            for each in range(10)
        )
    )

    assert len((await stores[0].load_threads(9, None, "asc", None)).data) == 1
    expected = sorted(f"{number} {each}" for number in range(2) for each in range(10))
    assert sorted(each.id for each in await read(stores[0])) == expected


async def test_messages_of_other_programs_are_read_as_text(stage: Stage) -> None:
    store = BackscrollStore[None](stage.client)
    await store.save_thread(thread(), None)
    (listed,) = (await stage.tool("list-threads"))["threads"]
    for role in ("user", "assistant"):
        await stage.tool("create-message", thread_id=listed["id"], role=role, content=role)

    asked, answer = await read(store)

    assert isinstance(asked, UserMessageItem)
    assert isinstance(answer, AssistantMessageItem)
    assert (asked.content[0].text, answer.content[0].text) == ("user", "assistant")


class Echo(ChatKitServer[None]):
    """An assistant that answers with the number of items that the thread has."""

    async def respond(
        self,
        thread: ThreadMetadata,
        input_user_message: UserMessageItem | None,  # noqa: ARG002 - as ChatKit has it
        context: None,
    ) -> AsyncIterator[ThreadStreamEvent]:
        page = await self.store.load_thread_items(thread.id, None, 99, "asc", context)
        thread.title = f"{len(page.data)} items"
        yield ThreadItemDoneEvent(
            item=AssistantMessageItem(
                id=self.store.generate_item_id("message", thread, context),
                thread_id=thread.id,
                created_at=datetime.now(),  # noqa: DTZ005 - as ChatKit's own items
                content=[AssistantMessageContent(text=f"{len(page.data)} items")],
            )
        )


async def test_a_server_of_chatkit_remembers_a_thread(stage: Stage) -> None:
    async def ask(store: BackscrollStore[None], kind: str, **params: Any) -> list[Any]:  # noqa: ANN401 - JSON
        request = json.dumps({"type": kind, "params": params})
        result = await Echo(store).process(request, None)
        if isinstance(result, NonStreamingResult):
            return [json.loads(result.json)]
        assert isinstance(result, StreamingResult)
        return [json.loads(line.removeprefix(b"data: ")) async for line in result]

    def message(text: str) -> dict[str, Any]:
        content = [{"type": "input_text", "text": text}]
        return {"content": content, "attachments": [], "inference_options": {}}

    store, elsewhere = (BackscrollStore[None](each) for each in (stage.client, stage.other))
    created, *_ = await ask(store, "threads.create", input=message("One"))
    thread_id = created["thread"]["id"]
    await ask(elsewhere, "threads.add_user_message", input=message("Two"), thread_id=thread_id)

    (found,) = await ask(store, "threads.get_by_id", thread_id=thread_id)
    assert found["title"] == "3 items"
    assert [each["content"][0]["text"] for each in found["items"]["data"]] == [
        "One",
        "1 items",
        "Two",
        "3 items",
    ]
    assert [text for _, text in await stage.shown()] == ["One", "1 items", "Two", "3 items"]
