"""What is in another partition is nowhere: the same status, the same body, no trace."""

from collections.abc import AsyncIterator

import httpx2
import openai
import pytest
from msgspec.structs import replace

from backscroll.store.app import Store
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedResponse,
    ImportedThread,
)
from tests.store.conftest import V2, Sql
from tests.store.wire import Json, error, new_thread, page

BODY = {"role": "user", "content": "a secret"}
MESSAGE = ImportedMessage(id="msg_1", role="user", content="a secret", created_at=1)
THREAD = ImportedThread(key="t", id="thread_1", created_at=1, messages=[MESSAGE])
CONVERSATION = ImportedConversation(
    key="v",
    id="conv_1",
    created_at=1,
    items=[ImportedItem({"type": "message", "role": "user", "content": "a secret", "id": "msg_9"})],
)
COMPLETION = ImportedCompletion(
    key="c",
    id="chatcmpl-1",
    created_at=1,
    model="m",
    choices=[],
    messages=[{"role": "user", "content": "a secret"}],
    metadata={"a": "b"},
)
RESPONSE = ImportedResponse(
    key="r",
    id="resp_1",
    created_at=1,
    input=[{"id": "msg_5", "type": "message", "role": "user", "content": "a secret"}],
    output=[],
)


@pytest.fixture
async def other(store: Store) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the same store in another partition than that of `api`."""
    transport = httpx2.ASGITransport(app=store.app)
    headers = V2 | {"OpenAI-Project": "proj_other"}
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://store/v1", headers=headers
    ) as client:
        yield client


@pytest.fixture
async def filled(store: Store, sql: Sql) -> None:
    """One of everything, in the default partition."""
    assert (await store.import_thread(THREAD)).kind == "imported"
    assert (await store.import_conversation(CONVERSATION)).kind == "imported"
    assert (await store.import_completion(COMPLETION)).kind == "imported"
    assert (await store.import_response(RESPONSE)).kind == "imported"
    await sql(
        "INSERT INTO assistants (id, created_at, fields)"
        """ VALUES ('asst_1', 1, '{"model": "m", "instructions": "a secret"}')"""
    )


REQUESTS: list[tuple[str, str, Json | None]] = [
    ("GET", "/threads/{thread}", None),
    ("POST", "/threads/{thread}", {"metadata": {"a": "b"}}),
    ("DELETE", "/threads/{thread}", None),
    ("GET", "/threads/{thread}/messages", None),
    ("GET", "/threads/{thread}/messages?run_id=run_1", None),
    ("GET", "/threads/{thread}/messages?after={message}", None),
    ("POST", "/threads/{thread}/messages", BODY),
    ("GET", "/threads/{thread}/messages/{message}", None),
    ("POST", "/threads/{thread}/messages/{message}", {"metadata": {"a": "b"}}),
    ("DELETE", "/threads/{thread}/messages/{message}", None),
    ("GET", "/threads?after={thread}", None),
    ("GET", "/threads?before={thread}", None),
    ("GET", "/conversations/{conversation}", None),
    ("POST", "/conversations/{conversation}", {"metadata": {"a": "b"}}),
    ("DELETE", "/conversations/{conversation}", None),
    ("GET", "/conversations/{conversation}/items", None),
    ("GET", "/conversations/{conversation}/items?after={item}", None),
    ("POST", "/conversations/{conversation}/items", {"items": [BODY]}),
    ("GET", "/conversations/{conversation}/items/{item}", None),
    ("DELETE", "/conversations/{conversation}/items/{item}", None),
    ("GET", "/chat/completions?after={completion}", None),
    ("GET", "/chat/completions/{completion}", None),
    ("POST", "/chat/completions/{completion}", {"metadata": {"a": "b"}}),
    ("DELETE", "/chat/completions/{completion}", None),
    ("GET", "/chat/completions/{completion}/messages", None),
    ("GET", "/chat/completions/{completion}/messages?after={completion}-0", None),
    ("GET", "/responses?after={response}", None),
    ("GET", "/responses/{response}", None),
    ("DELETE", "/responses/{response}", None),
    ("GET", "/responses/{response}/input_items", None),
    ("GET", "/responses/{response}/input_items?after={input}", None),
    ("GET", "/assistants?after={assistant}", None),
    ("GET", "/assistants?before={assistant}", None),
    ("GET", "/assistants/{assistant}", None),
    ("POST", "/assistants/{assistant}", {"metadata": {"a": "b"}}),
    ("DELETE", "/assistants/{assistant}", None),
]
THERE = {
    "thread": "thread_1",
    "message": "msg_1",
    "conversation": "conv_1",
    "item": "msg_9",
    "completion": "chatcmpl-1",
    "response": "resp_1",
    "input": "msg_5",
    "assistant": "asst_1",
}
NOWHERE = {name: f"{value[:-1]}8" for name, value in THERE.items()}


@pytest.mark.usefixtures("filled")
async def test_what_is_in_another_partition_is_answered_for_as_what_is_not_there(
    store: Store, other: httpx2.AsyncClient
) -> None:
    before = [each async for each in store.export_threads()]
    for method, form, body in REQUESTS:
        there = await other.request(method, form.format(**THERE), json=body)
        nowhere = await other.request(method, form.format(**NOWHERE), json=body)
        assert there.status_code == nowhere.status_code == 404, form
        as_nowhere = there.text
        for name, value in THERE.items():
            as_nowhere = as_nowhere.replace(value, NOWHERE[name])
        assert as_nowhere == nowhere.text, form
        names = {"content-length"}
        assert {k: v for k, v in there.headers.items() if k not in names} == {
            k: v for k, v in nowhere.headers.items() if k not in names
        }
    assert [each async for each in store.export_threads()] == before
    assert before == [replace(THREAD, messages=before[0].messages)]


@pytest.mark.usefixtures("filled")
async def test_a_list_has_what_is_in_its_own_partition_alone(
    api: httpx2.AsyncClient, other: httpx2.AsyncClient
) -> None:
    mine = await new_thread(other)
    assert [each["id"] for each in (await page(other, "/threads"))["data"]] == [mine]
    assert [each["id"] for each in (await page(api, "/threads"))["data"]] == ["thread_1"]
    for query in ("", "?model=m", "?metadata[a]=b"):
        assert (await page(other, f"/chat/completions{query}"))["data"] == []
        assert len((await page(api, f"/chat/completions{query}"))["data"]) == 1
    assert (await page(other, "/responses"))["data"] == []
    assert len((await page(api, "/responses"))["data"]) == 1
    assert (await page(other, "/assistants"))["data"] == []
    assert len((await page(api, "/assistants"))["data"]) == 1


async def test_each_partition_has_ids_keys_and_imports_of_its_own(
    store: Store, api: httpx2.AsyncClient, other: httpx2.AsyncClient
) -> None:
    for partition in ("", "proj_other"):
        assert (await store.import_thread(THREAD, partition)).kind == "imported"
        assert (await store.import_thread(THREAD, partition)).kind == "present"
        assert (await store.import_conversation(CONVERSATION, partition)).kind == "imported"
        assert (await store.import_completion(COMPLETION, partition)).kind == "imported"
        assert (await store.import_response(RESPONSE, partition)).kind == "imported"
    await api.delete("/threads/thread_1")
    await api.delete("/chat/completions/chatcmpl-1")
    await api.delete("/conversations/conv_1/items/msg_9")
    await api.delete("/responses/resp_1")
    assert [each.id async for each in store.export_threads("proj_other")] == ["thread_1"]
    assert (await page(other, "/threads/thread_1/messages"))["data"][0]["id"] == "msg_1"
    assert (await page(other, "/chat/completions/chatcmpl-1"))["model"] == "m"
    assert len((await page(other, "/conversations/conv_1/items"))["data"]) == 1
    assert (await page(other, "/responses/resp_1/input_items"))["last_id"] == "msg_5"
    assert [each async for each in store.export_threads("proj_third")] == []


async def test_an_idempotency_key_is_its_partition_s_own(
    store: Store, api: httpx2.AsyncClient, other: httpx2.AsyncClient, sql: Sql
) -> None:
    key = {"Idempotency-Key": "key"}
    for partition in ("", "proj_other"):
        await store.import_thread(THREAD, partition)
    url = "/threads/thread_1/messages"
    first = await api.post(url, json=BODY, headers=key)
    second = await other.post(url, json=BODY, headers=key)
    assert "idempotent-replayed" not in second.headers
    assert first.json()["id"] != second.json()["id"]
    other_body = {"role": "user", "content": "another"}
    assert (await other.post(url, json=other_body, headers=key)).status_code == 422
    # A deletion here erases no reply there.
    assert (await api.delete("/threads/thread_1")).status_code == 200
    assert (await api.post(url, json=BODY, headers=key)).status_code == 410
    replayed = await other.post(url, json=BODY, headers=key)
    assert (replayed.status_code, replayed.content) == (200, second.content)
    kept = await sql("SELECT scope, body IS NULL FROM idempotency ORDER BY scope")
    assert [(scope, bool(erased)) for scope, erased in kept] == [("", True), ("proj_other", False)]


@pytest.mark.parametrize(
    "headers",
    [
        [("OpenAI-Project", "")],
        [("OpenAI-Project", "a b")],
        [("OpenAI-Project", "a" * 129)],
        [("OpenAI-Project", "a/b")],
        [("OpenAI-Project", "a"), ("OpenAI-Project", "b")],
        [("OpenAI-Project", "a"), ("OpenAI-Project", "a")],
    ],
)
async def test_a_malformed_partition_is_refused_everywhere(
    api: httpx2.AsyncClient, headers: list[tuple[str, str]]
) -> None:
    for method, url, body in [
        ("GET", "/threads", None),
        ("POST", "/threads", {}),
        ("POST", "/conversations", {}),
        *((method, form.format(**THERE), body) for method, form, body in REQUESTS),
    ]:
        given = [*V2.items(), *headers]
        refused = error(await api.request(method, url, json=body, headers=given), 400)
        assert (refused["param"], refused["code"]) == ("OpenAI-Project", "invalid_project"), url


@pytest.mark.parametrize("name", ["a", "proj_ABC123", "a" * 128, "a.b=c-d_e", "DEFAULT", "null"])
async def test_any_safe_name_is_a_partition(store: Store, name: str) -> None:
    transport = httpx2.ASGITransport(app=store.app)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://store/v1", headers=V2 | {"OpenAI-Project": name}
    ) as api:
        thread_id = await new_thread(api, ("a",))
        assert [each["id"] for each in (await page(api, "/threads"))["data"]] == [thread_id]


async def test_the_official_client_s_project_is_a_partition(live_store: str) -> None:
    async with (
        openai.AsyncOpenAI(api_key="none", base_url=live_store, project="proj_a") as first,
        openai.AsyncOpenAI(api_key="none", base_url=live_store, project="proj_A") as second,
    ):
        made = await first.conversations.create()
        assert (await first.conversations.retrieve(made.id)).id == made.id
        with pytest.raises(openai.NotFoundError):
            await second.conversations.retrieve(made.id)
