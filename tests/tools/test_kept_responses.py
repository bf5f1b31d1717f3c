"""The messages of responses that the store keeps, read by tools."""

import pytest

from backscroll.store.archive.records import ImportedResponse
from backscroll_tools.models import JSON
from tests.tools.opened import Opened, opened


def said(role: str, text: str) -> JSON:
    kind = "output_text" if role == "assistant" else "input_text"
    content = [{"type": kind, "text": text}]
    return {"type": "message", "id": f"msg_{text}", "role": role, "content": content}


async def chain(store: Opened, turns: int) -> None:
    """Import responses that continue one another, each with a question and an answer."""
    for turn in range(1, turns + 1):
        earlier = f"resp_{turn - 1}" if turn > 1 else None
        response = ImportedResponse(
            key=f"resp_{turn}",
            id=f"resp_{turn}",
            created_at=turn,
            input=[said("user", f"q{turn}")],
            output=[said("assistant", f"a{turn}")],
            fields={"model": "m", "previous_response_id": earlier},
        )
        await store.store.import_response(response)


@pytest.mark.parametrize(
    ("order", "deleted", "texts"),
    [
        ("asc", "resp_1", ["q1", "a1", "q2", "a2", "q3", "a3", "q4", "a4"]),
        ("asc", "resp_2", ["q1", "a1", "q2", "q3", "a3", "q4", "a4"]),
        ("desc", "resp_3", ["a4", "q4", "a3"]),
        ("desc", "resp_2", ["a4", "q4", "a3", "q3"]),
    ],
)
async def test_a_page_may_start_after_a_message_that_was_deleted(
    order: str, deleted: str, texts: list[str]
) -> None:
    async with opened() as store:
        await chain(store, 4)
        first = {"completion_id": "resp_4", "order": order, "limit": 3}
        page = (await store.result("get-chat-messages", **first)).structured
        found = [message["text"] for message in page["messages"]]
        await store.result("delete-response", response_id=deleted)
        rest: JSON = {"completion_id": "resp_4", "cursor": page["page"]["next_cursor"]}
        page = (await store.result("get-chat-messages", **rest)).structured
        found += [message["text"] for message in page["messages"]]

    assert found == texts
    assert page["page"]["has_more"] is False


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_an_id_that_the_chain_never_had_is_no_place_to_start_after(order: str) -> None:
    async with opened() as store:
        await chain(store, 2)
        refused = await store.error(
            "get-chat-messages", completion_id="resp_2", order=order, after="msg_a9"
        )

    assert refused.code == "not_found"
