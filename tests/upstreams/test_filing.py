"""The files of a message are listed the same, whether the upstream lists them or not."""

import pytest

from tests.upstreams import filing
from tests.upstreams.covering import shows
from tests.upstreams.peculiar import Behaviour
from tests.upstreams.world import THREAD, world

ALL = [f"file_{number}" for number in range(filing.COUNT)]


@shows(filing.VERSION_1, filing.VERSION_2)
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [100, 120, 500])
@pytest.mark.parametrize("behaviour", [filing.VERSION_1, filing.VERSION_2], ids=str)
async def test_every_file_is_listed_once_and_in_order(
    behaviour: Behaviour, limit: int, order: str
) -> None:
    async with world(behaviour.answer, behaviour.settings) as upstream:
        pages = [
            await upstream.call(
                "list-message-files",
                thread_id=THREAD,
                message_id="msg_1",
                order=order,
                limit=limit,
            )
        ]
        while cursor := pages[-1]["page"]["next_cursor"]:
            assert len(pages) < 10
            pages.append(
                await upstream.call(
                    "list-message-files",
                    thread_id=THREAD,
                    message_id="msg_1",
                    cursor=cursor,
                    limit=limit,
                )
            )

    shown = [file for page in pages for file in page["files"]]
    assert [file["id"] for file in shown] == (ALL if order == "asc" else ALL[::-1])
    assert shown[0] == {
        "id": shown[0]["id"],
        "created_at": 1_700_000_000,
        "message_id": "msg_1",
    }
    derived = behaviour is filing.VERSION_2
    assert all(page["page"].get("derived", False) is derived for page in pages)
    beta = "assistants=v2" if derived else "assistants=v1"
    assert {asked.headers["openai-beta"] for asked in upstream.asked} == {beta}


@shows(filing.EVERYWHERE)
async def test_a_file_is_listed_wherever_the_message_names_it() -> None:
    async with world(filing.EVERYWHERE.answer) as upstream:
        page = await upstream.call(
            "list-message-files", thread_id=THREAD, message_id="msg_1", order="asc"
        )

    assert [file["id"] for file in page["files"]] == filing.NAMED
    assert page["page"]["derived"] is True
    assert len(upstream.asked) == 1
