"""`last_chars` of get-message: only the end of a message's text."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from backscroll_tools.models import JSON
from backscroll_tools.tool import Bounds, Output, Result
from tests.tools.opened import Opened, opened

TEXT = "".join(f"line {number}\n" for number in range(600))
METADATA = {"topic": "manual"}
SMALL = Bounds(result_chars=2_000)


@pytest.fixture
async def tools() -> AsyncIterator[Opened]:
    """The tools, and a store of their own."""
    async with opened() as each:
        yield each


async def message_of(tools: Opened, kind: str) -> JSON:
    """Store `TEXT` as a message; return the arguments that name it."""
    if kind == "thread":
        owner: str = (await tools.post("threads"))["id"]
        path = f"threads/{owner}/messages"
        made = await tools.post(path, role="user", content=TEXT, metadata=METADATA)
        return {"thread_id": owner, "message_id": made["id"]}
    owner = (await tools.post("conversations"))["id"]
    item = {"type": "message", "role": "user", "content": TEXT}
    made = await tools.post(f"conversations/{owner}/items", items=[item])
    return {"thread_id": owner, "message_id": made["data"][0]["id"]}


async def pages(tools: Opened, bounds: Bounds, named: JSON, last_chars: int) -> list[Result]:
    """Read the end of a message, page by page."""
    arguments: JSON = {**named, "last_chars": last_chars}
    found: list[Result] = []
    while True:
        page = await tools.call("get-message", bounds, **arguments)
        assert isinstance(page, Result), page
        found.append(page)
        if not page.structured["page"]["has_more"]:
            return found
        arguments = {**named, "cursor": page.structured["page"]["next_cursor"]}


@pytest.mark.parametrize("kind", ["thread", "conversation"])
async def test_only_the_end_is_shown_and_the_page_says_where_it_starts(
    tools: Opened, kind: str
) -> None:
    named = await message_of(tools, kind)

    [page] = await pages(tools, Bounds(), named, 18)

    message = page.structured["message"]
    assert (message["id"], message["text"]) == (named["message_id"], "line 598\nline 599\n")
    assert message["clipped"] == {"shown": 18, "total": len(TEXT), "start": len(TEXT) - 18}
    heading, _, fields, *lines = page.text.splitlines()
    assert heading.endswith(" 1 message. No more follow.")
    assert f'{{"clipped":{{"shown":18,"total":{len(TEXT)},"start":{len(TEXT) - 18}}}}}' in fields
    assert lines == ["line 598", "line 599", ""]


@pytest.mark.parametrize("last_chars", [len(TEXT), 30_000])
async def test_a_text_that_is_not_longer_is_shown_whole_with_its_other_fields(
    tools: Opened, last_chars: int
) -> None:
    [page] = await pages(tools, Bounds(), await message_of(tools, "thread"), last_chars)

    message = page.structured["message"]
    assert (message["text"], message["metadata"]) == (TEXT, METADATA)
    assert "clipped" not in message


@pytest.mark.parametrize("output", ["both", "text", "structured"])
async def test_an_end_that_is_longer_than_a_page_is_read_in_pages(
    tools: Opened, output: Output
) -> None:
    bounds = replace(SMALL, output=output)
    named = await message_of(tools, "thread")

    read = await pages(tools, bounds, named, 3_001)

    assert len(read) > 1
    assert "".join(page.structured["message"]["text"] for page in read) == TEXT[-3_001:]


async def test_it_is_refused_with_a_cursor_that_already_says_where_to_go_on(tools: Opened) -> None:
    named = await message_of(tools, "thread")
    first = await tools.call("get-message", SMALL, **named, last_chars=3_000)
    assert isinstance(first, Result)
    cursor = first.structured["page"]["next_cursor"]

    error = await tools.error("get-message", **named, cursor=cursor, last_chars=3_000)

    assert (error.code, error.message) == (
        "invalid_arguments",
        "cursor conflicts with last_chars.",
    )
    assert error.next_step == "Call again with cursor and without last_chars."


@pytest.mark.parametrize("last_chars", [0, 30_001, "10"])
async def test_it_is_a_number_of_characters_from_1_to_30000(
    tools: Opened, last_chars: object
) -> None:
    named = {"thread_id": "thread_1", "message_id": "msg_1"}

    error = await tools.error("get-message", **named, last_chars=last_chars)

    assert error.code == "invalid_arguments"
    assert "last_chars" in error.message


async def test_it_ends_when_the_time_of_the_call_is_over(tools: Opened) -> None:
    named = await message_of(tools, "thread")

    error = await tools.call("get-message", Bounds(deadline_s=0.0), **named, last_chars=5)

    assert getattr(error, "code", "") == "deadline_exceeded"
