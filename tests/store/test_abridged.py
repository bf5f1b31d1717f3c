"""Lists with `abridged` cut long content where it lies, and end before they become too large."""

import base64
import json
from typing import Final

import httpx2
import pytest

from backscroll.store import abridged
from backscroll.store.abridged import LARGE_CHARS, REPLY_CHARS, shortened
from backscroll.store.app import Store
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedResponse,
    ImportedThread,
)
from backscroll_tools.client import abridging
from backscroll_tools.models import JSON

PNG: Final = "data:image/png;base64," + base64.b64encode(bytes(900)).decode()
CUT: Final = {"image_url": PNG[:254] + PNG[-2:], "image_url_chars": len(PNG)}
LONG: Final = "word " * (LARGE_CHARS // 5 + 1)


def test_the_store_and_the_client_shorten_the_same_fields() -> None:
    names = ("LEAST_CHARS", "TEXT_FIELDS", "KEPT_FIELDS")
    assert [getattr(abridged, name) for name in names] == [
        getattr(abridging, name) for name in names
    ]


@pytest.mark.parametrize(
    ("preview", "value", "expected"),
    [
        (0, {"image_url": PNG}, CUT),
        (9, [{"image_url": PNG}], [CUT]),
        (0, {"text": LONG}, {"text": LONG}),
        (9, {"text": LONG}, {"text": LONG[:256], "text_chars": len(LONG)}),
        (300, {"text": LONG}, {"text": LONG[:300], "text_chars": len(LONG)}),
        (9, {"text": f"![a]({PNG})"}, {"text": f"![a]({PNG})"}),
        (9, {"id": "i" * 300, "metadata": {"a": "A" * 512}}, None),
        (9, {"text": "x" * 256, "number": 1, "nothing": None}, None),
    ],
)
def test_long_strings_are_cut_and_say_how_long_they_were(
    preview: int, value: object, expected: object
) -> None:
    assert shortened(value, preview) == (value if expected is None else expected)


async def filled(store: Store, content: str, count: int) -> None:
    await store.import_thread(
        ImportedThread(
            key="t",
            id="thread_1",
            created_at=1,
            messages=[
                ImportedMessage(role="user", content=content, created_at=1) for _ in range(count)
            ],
        )
    )
    items = [{"role": "user", "content": content} for _ in range(count)]
    await store.import_conversation(
        ImportedConversation(key="c", id="conv_1", created_at=1, items=[*map(ImportedItem, items)])
    )
    choices = [{"index": 0, "message": {"role": "assistant", "content": content}}]
    await store.import_completion(
        ImportedCompletion(
            key="m",
            id="chatcmpl-1",
            created_at=1,
            model="m",
            messages=items[:-1],
            choices=choices,
        )
    )
    output = [{"role": "assistant", "content": content} for _ in range(count)]
    await store.import_response(
        ImportedResponse(key="r", id="resp_1", created_at=1, input=items, output=output)
    )


LISTS: Final = [
    "/threads/thread_1/messages",
    "/conversations/conv_1/items",
    "/chat/completions/chatcmpl-1/messages",
    "/chat/completions",
    "/responses/resp_1/input_items",
    "/responses",
]


async def read(api: httpx2.AsyncClient, listing: str, **query: object) -> JSON:
    response = await api.get(listing, params={name: str(value) for name, value in query.items()})
    assert response.status_code == 200
    found: JSON = response.json()
    return found


@pytest.mark.parametrize("listing", LISTS)
async def test_every_list_cuts_its_content_and_has_the_same_items(
    store: Store, api: httpx2.AsyncClient, listing: str
) -> None:
    await filled(store, LONG, 3)
    whole = await read(api, listing)
    assert await read(api, listing, abridged=0) == whole
    assert await read(api, listing, abridged="no") == whole
    short = await read(api, listing, abridged=5)
    assert [item["id"] for item in short["data"]] == [item["id"] for item in whole["data"]]
    assert LONG in json.dumps(whole)
    assert LONG[:256] in json.dumps(short)
    assert LONG[:257] not in json.dumps(short)
    assert f'_chars": {len(LONG)}' in json.dumps(short)


async def test_a_page_ends_before_it_becomes_too_large_and_the_next_goes_on(
    store: Store, api: httpx2.AsyncClient
) -> None:
    sizes = [REPLY_CHARS + 1, 1]
    messages = [ImportedMessage(role="user", content="x" * size, created_at=1) for size in sizes]
    await store.import_thread(
        ImportedThread(key="t", id="thread_1", created_at=1, messages=messages)
    )
    first = await read(api, LISTS[0], abridged=0, order="asc")
    assert [len(item["content"][0]["text"]["value"]) for item in first["data"]] == sizes[:1]
    assert first["has_more"] is True
    second = await read(api, LISTS[0], abridged=0, order="asc", after=first["last_id"])
    assert [len(item["content"][0]["text"]["value"]) for item in second["data"]] == sizes[1:]
    assert second["has_more"] is False


async def test_a_page_of_responses_ends_before_it_becomes_too_large_in_either_direction(
    store: Store, api: httpx2.AsyncClient
) -> None:
    for number in range(3):
        output = [{"role": "assistant", "content": "x" * (REPLY_CHARS + 1)}]
        await store.import_response(
            ImportedResponse(
                key=f"{number}", id=f"resp_{number}", created_at=1, input=[], output=output
            )
        )
    pages = [
        await read(api, "/responses", abridged=0, **query)
        for query in ({}, {"after": "resp_2"}, {"before": "resp_0"}, {"after": "resp_1"})
    ]
    assert [([each["id"] for each in page["data"]], page["has_more"]) for page in pages] == [
        (["resp_2"], True),
        (["resp_1"], True),
        (["resp_1"], True),
        (["resp_0"], False),
    ]
