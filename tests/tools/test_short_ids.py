"""Short ids of messages: the end of an id, shown in place of the whole id, and accepted for it."""

from collections.abc import AsyncIterator

import pytest

from backscroll.store.archive.records import ImportedMessage, ImportedThread
from backscroll_tools.collections import any_collection_of
from backscroll_tools.errors import ToolError
from backscroll_tools.render import shown_ids
from backscroll_tools.short_ids import with_whole_ids
from backscroll_tools.tool import Call
from tests.tools.opened import Opened, opened
from tests.tools.transcript import read

MIXED = "msg_AAAAAAAAAAAAAAAAAAAax7Kd2"
TWIN = "msg_BBBBBBBBBBBBBBBBBBBBx7Kd2"
HEX = "5f0c2f0e-0000-4000-8000-00000000beef"
NUMBER = "message-000000012345678"
TIME = "message-1700000003.000200"


def test_ids_are_shown_by_their_last_five_characters_or_eight_of_one_case() -> None:
    assert shown_ids([{"id": MIXED}, {"id": HEX}]) == ["~x7Kd2", "~0000beef"]


def test_a_short_id_is_as_long_as_makes_it_unique_on_the_page() -> None:
    assert shown_ids([{"id": MIXED}, {"id": TWIN}]) == ["~ax7Kd2", "~Bx7Kd2"]


def test_ids_whose_ends_are_alike_are_shown_whole() -> None:
    alike = [f"msg_{letter}" + "AAAAAAAAAAAAx7Kd2" for letter in "BC"]
    assert shown_ids([{"id": alike[0]}, {"id": alike[1]}]) == alike


@pytest.mark.parametrize("name", ["clipped", "omitted", "files", "attachments"])
def test_a_message_that_is_cut_or_has_files_is_shown_with_its_whole_id(name: str) -> None:
    assert shown_ids([{"id": MIXED, name: {}}]) == [MIXED]


@pytest.mark.parametrize("whole", ["msg_12345678", NUMBER, TIME])
def test_an_id_that_is_short_already_or_ends_with_a_number_is_shown_whole(whole: str) -> None:
    assert shown_ids([{"id": whole}]) == [whole]


@pytest.fixture
async def tools() -> AsyncIterator[Opened]:
    """The tools, and a store of their own."""
    async with opened() as each:
        yield each


async def thread_of(tools: Opened, *texts: str) -> tuple[str, list[str]]:
    """Create a thread; return its id and those of its messages."""
    thread_id: str = (await tools.post("threads"))["id"]
    path = f"threads/{thread_id}/messages"
    made = [await tools.post(path, role="user", content=text) for text in texts]
    return thread_id, [message["id"] for message in made]


async def test_the_text_of_a_page_shows_short_ids_and_its_structure_whole_ones(
    tools: Opened,
) -> None:
    thread_id, ids = await thread_of(tools, "one", "two", "three")
    result = await tools.result("list-messages", thread_id=thread_id, order="asc")
    lines = result.text.splitlines()
    # One id in some hundreds has only small letters or only capital ones, and is shown longer.
    short = shown_ids([{"id": each} for each in ids])
    assert all(each.startswith("~") for each in short)
    assert [line.split()[2] for line in lines[1::2]] == short
    assert [each["id"] for each in result.structured["messages"]] == ids


async def test_a_page_of_previews_of_one_character_shows_whole_ids(tools: Opened) -> None:
    thread_id, ids = await thread_of(tools, "one", "2", "three")
    page = await tools.result("list-messages", thread_id=thread_id, order="asc", preview_chars=1)
    assert [message.id for message in read(page.text)[0]] == ids


async def test_a_message_and_its_files_are_read_by_its_short_id(tools: Opened) -> None:
    thread_id, (_, second, _) = await thread_of(tools, "one", "two", "three")
    named = {"thread_id": thread_id, "message_id": f"~{second[-5:]}"}
    message = (await tools.result("get-message", **named)).structured["message"]
    assert (message["id"], message["text"]) == (second, "two")
    files = await tools.result("list-message-files", **named)
    assert files.structured["page"]["returned"] == 0


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        ({"around": 1, "limit": 3}, ["one", "two", "three"]),
        ({"after": 1, "order": "asc"}, ["three"]),
        ({"before": 1, "order": "asc"}, ["one"]),
    ],
)
async def test_a_page_is_read_around_after_or_before_a_short_id(
    tools: Opened, arguments: dict[str, object], texts: list[str]
) -> None:
    thread_id, ids = await thread_of(tools, "one", "two", "three")
    short = {name: f"~{ids[1][-5:]}" if value == 1 else value for name, value in arguments.items()}
    result = await tools.result("list-messages", thread_id=thread_id, **short)
    assert [each["text"] for each in result.structured["messages"]] == texts


async def test_a_short_id_that_no_message_has_is_not_found_and_the_error_says_what_to_pass(
    tools: Opened,
) -> None:
    thread_id, _ = await thread_of(tools, "one")
    error = await tools.error("get-message", thread_id=thread_id, message_id="~.....")
    assert error.code == "not_found"
    assert error.message == f"No id in {thread_id} ends with ......"
    assert error.next_step.startswith("Pass the whole id.")


async def test_a_short_id_is_searched_for_from_both_ends_of_a_thread_in_a_limited_number_of_pages(
    tools: Opened,
) -> None:
    ids = [f"msg_AAAAAAAAAAAAAAAAx{number:03}" for number in range(301)]
    messages = [
        ImportedMessage(id=each, role="user", content="one", created_at=number)
        for number, each in enumerate(ids)
    ]
    await tools.store.import_thread(
        ImportedThread(key="one", id="thread_one", created_at=0, messages=messages)
    )
    call = Call.begin(tools.client)
    profile = call.client.upstream.profile
    thread = any_collection_of(profile, "thread_one")

    async def found(number: int) -> str:
        named = {"message_id": f"~x{number:03}"}
        whole = await with_whole_ids(call, thread, "thread_one", named, ("message_id",), pages=1)
        return str(whole["message_id"])

    assert [await found(number) for number in (300, 201, 99, 0)] == [
        ids[number] for number in (300, 201, 99, 0)
    ]
    with pytest.raises(ToolError) as missed:
        await found(150)
    assert missed.value.code == "not_found"
    assert missed.value.message == (
        "None of the newest 100 and oldest 100 ids in thread_one ends with x150."
    )


async def test_a_short_id_of_several_messages_is_refused_with_their_whole_ids(
    tools: Opened,
) -> None:
    thread_id, ids = await thread_of(tools, *("same" for _ in range(80)))
    endings = [each[-1] for each in ids]
    twice = next(each for each in endings if endings.count(each) > 1)
    error = await tools.error("get-message", thread_id=thread_id, message_id=f"~{twice}")
    several = sorted(each for each in ids if each.endswith(twice))[:5]
    assert error.message == f"~{twice} is the end of several ids: {', '.join(several)}."


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("delete-message", {"thread_id": "thread_1", "message_id": "~x7Kd2"}),
        ("modify-message", {"thread_id": "thread_1", "message_id": "~x7Kd2", "metadata": {}}),
        ("get-chat-messages", {"completion_id": "chatcmpl-1", "around": "~x7Kd2"}),
    ],
)
async def test_other_tools_refuse_a_short_id_and_say_where_the_whole_id_is(
    tools: Opened, tool: str, arguments: dict[str, object]
) -> None:
    error = await tools.error(tool, **arguments)
    assert error.code == "invalid_arguments"
    assert "must be a whole id, not ~x7Kd2. list-messages shows whole ids" in error.message
