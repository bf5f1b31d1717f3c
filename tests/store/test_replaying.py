"""A first reply is replayed exactly, though its text is stored once, with the object."""

import json
from typing import Any, Final

import httpx2
import pytest

from backscroll.store.app import Store
from backscroll.store.archive.records import ImportedCompletion
from tests.store.conftest import Kept, Sql
from tests.store.wire import new_thread

MARK: Final = "a text that is stored once"
KEY: Final = {"Idempotency-Key": "key"}
PARTS: Final = [
    {"type": "text", "text": f"{MARK} «ö» \U0001f600"},
    {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
]
ITEM: Final = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": MARK, "annotations": [], "score": 1.0}],
}


async def assert_replayed(
    api: httpx2.AsyncClient, url: str, body: dict[str, Any], changed: str, version: str = "v2"
) -> bytes:
    """A POST with a key has one reply, even if the metadata at `changed` is replaced in between.

    The first request uses `version` of the API, and the second uses v2.
    """
    headers = {**KEY, "OpenAI-Beta": f"assistants={version}"}
    first = await api.post(url, json=body, headers=headers)
    assert first.status_code == 200, first.text
    if changed:
        later = changed.format(**first.json())
        assert (await api.post(later, json={"metadata": {"a": "later"}})).status_code == 200
    again = await api.post(url, json=body, headers=KEY)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert again.content == first.content
    return first.content


@pytest.mark.parametrize(
    ("version", "body"),
    [
        ("v1", {"role": "user", "content": MARK}),
        ("v2", {"role": "assistant", "content": MARK}),
        ("v2", {"role": "user", "content": PARTS, "metadata": {"a": "first"}}),
    ],
)
async def test_a_new_message_s_reply_is_replayed_as_it_was(
    api: httpx2.AsyncClient, kept: Kept, version: str, body: dict[str, Any]
) -> None:
    url = f"/threads/{await new_thread(api)}/messages"
    await assert_replayed(api, url, body, url + "/{id}", version)
    assert (await kept()).count(MARK.encode()) == 1


async def test_a_changed_message_s_reply_is_replayed_as_it_was(
    api: httpx2.AsyncClient, kept: Kept
) -> None:
    url = f"/threads/{await new_thread(api)}/messages"
    made = (await api.post(url, json={"role": "user", "content": MARK})).json()["id"]
    body = {"metadata": {"a": "first"}}
    await assert_replayed(api, f"{url}/{made}", body, f"{url}/{made}")
    assert (await kept()).count(MARK.encode()) == 1


async def test_new_items_reply_is_replayed_as_it_was(api: httpx2.AsyncClient, kept: Kept) -> None:
    conversation_id = (await api.post("/conversations", json={})).json()["id"]
    url = f"/conversations/{conversation_id}/items"
    other = {"type": "reasoning", "summary": []}
    await assert_replayed(api, url, {"items": [ITEM, other]}, "")
    assert (await kept()).count(MARK.encode()) == 1


async def test_a_changed_completion_s_reply_is_replayed_as_it_was(
    api: httpx2.AsyncClient, store: Store, kept: Kept
) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": MARK}}
    await store.import_completion(
        ImportedCompletion(
            key="key",
            created_at=1,
            model="model",
            choices=[choice],
            messages=[],
            id="chatcmpl-a",
        )
    )
    url = "/chat/completions/chatcmpl-a"
    imported = (await kept()).count(MARK.encode())
    await assert_replayed(api, url, {"metadata": {"a": "first"}}, url)
    assert (await kept()).count(MARK.encode()) == imported


async def test_a_reply_that_an_older_version_stored_whole_is_replayed(
    api: httpx2.AsyncClient, sql: Sql
) -> None:
    url = f"/threads/{await new_thread(api)}/messages"
    body = {"role": "user", "content": MARK}
    await api.post(url, json=body, headers=KEY)
    whole = json.dumps({"object": "thread.message", "content": "as it was"})
    await sql(f"UPDATE idempotency SET body = '{whole}'")  # noqa: S608 - the text is ours
    assert (await api.post(url, json=body, headers=KEY)).text == whole
