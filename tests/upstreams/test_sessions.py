"""Sessions, ChatKit threads and lists of conversations and responses are read like threads."""

import pytest

from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.pages.stop import NO_INPUT
from backscroll_tools.tool import Bounds, Call
from backscroll_tools.tools.create_message import CREATE_MESSAGE
from tests.pace import paced_s
from tests.upstreams import mistral, sessions
from tests.upstreams.covering import shows
from tests.upstreams.peculiar import Behaviour
from tests.upstreams.world import world

LISTS = {
    sessions.AGENTS: ("sess_", sessions.SESSION),
    sessions.CHATKIT: ("cthr_", sessions.CHATKIT_THREAD),
    sessions.MANAGED: ("sesn_", sessions.MANAGED_SESSION),
    mistral.MISTRAL: ("conv_", mistral.CONVERSATION),
}
"""For each upstream: the start of its ids, and the id of the object with items of all kinds."""

TOOLS = {
    sessions.AGENTS: [
        ("assistant", "weather", '{"city":"Oslo"}'),
        ("tool", None, "-3 °C"),
        ("assistant", None, "ls\n\nOutput:\nnotes.md"),
        ("assistant", None, "Read the notes."),
    ],
    sessions.CHATKIT: [
        ("assistant", "open", '{"tab": 2}\n\nOutput:\nopened'),
        ("assistant", None, '{"type": "Card"}'),
        ("assistant", None, "Look it up\nin the notes"),
        ("assistant", None, "Think\nof it"),
    ],
    sessions.MANAGED: [
        ("assistant", "bash", "ls"),
        ("tool", None, "notes.md"),
    ],
    mistral.MISTRAL: [
        ("assistant", "weather", '{"city":"Oslo"}'),
        ("tool", None, "-3 °C"),
        ("assistant", "code_interpreter", 'print(1)\n\nOutput:\n{"language":"python"}\n1'),
    ],
}
"""The role, the name and the text of each call and output of a tool, in order."""


def ids(pages: list[JSON], kind: str = "messages") -> list[str]:
    return [item["id"] for page in pages for item in page[kind]]


@shows(*LISTS)
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("behaviour", LISTS, ids=str)
async def test_each_session_is_listed_once_in_order(behaviour: Behaviour, order: str) -> None:
    prefix, _ = LISTS[behaviour]
    async with world(behaviour.answer, behaviour.settings) as upstream:
        pages = await upstream.pages("list-threads", limit=70, order=order)
        named = ids(pages, "threads")[60]
        after = await upstream.call("list-threads", limit=3, order=order, after=named)
        before = await upstream.call("list-threads", limit=3, order=order, before=named)

    numbers = range(sessions.COUNT) if order == "asc" else range(sessions.COUNT)[::-1]
    expected = [f"{prefix}{number}" for number in numbers]
    assert ids(pages, "threads") == expected
    assert ids([after], "threads") == expected[61:64]
    assert ids([before], "threads") == expected[57:60]
    first = pages[0]["threads"][0]
    assert first["title"] == f"title {first['id'].rpartition('_')[2]}"
    assert first["created_at"] > 0
    assert "warning" not in pages[-1]["page"]


@pytest.mark.parametrize("behaviour", LISTS, ids=str)
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_each_message_is_listed_once_and_tools_on_request(
    behaviour: Behaviour, order: str
) -> None:
    _, thread_id = LISTS[behaviour]
    async with world(behaviour.answer, behaviour.settings) as upstream:
        pages = await upstream.pages("list-messages", thread_id=thread_id, order=order, limit=50)
        small = await upstream.pages(
            "list-messages", Bounds(result_chars=2_000), thread_id=thread_id, order=order, limit=500
        )
        whole = await upstream.call(
            "list-messages", thread_id=thread_id, order="asc", limit=20, items=True
        )
        named = ids(pages)[60]
        after = await upstream.call(
            "list-messages", thread_id=thread_id, order=order, after=named, limit=2
        )
        one = await upstream.call("get-message", thread_id=thread_id, message_id=named)

    found = ids(pages)
    assert found == ids(small)
    assert len(set(found)) == len(found)
    texts = [message["text"].split()[-1] for page in pages for message in page["messages"]]
    numbers = sorted(map(int, texts), reverse=order == "desc")
    assert [int(text) for text in texts] == numbers
    assert ids([after]) == found[61:63]
    assert one["message"]["id"] == named
    tools = [message for message in whole["messages"] if "type" in message]
    assert [(message["role"], message.get("name"), message["text"]) for message in tools] == TOOLS[
        behaviour
    ]


async def test_around_is_refused_if_no_request_leads_to_the_messages_before_one() -> None:
    behaviour = sessions.MANAGED
    async with world(behaviour.answer, behaviour.settings) as upstream:
        error = await upstream.error(
            "list-messages", thread_id=sessions.MANAGED_SESSION, around="sevt_9"
        )

    assert (error.code, error.next_step) == (
        "invalid_arguments",
        "Call again with after or before.",
    )


async def test_text_that_a_user_quotes_is_marked() -> None:
    behaviour = sessions.CHATKIT
    async with world(behaviour.answer, behaviour.settings) as upstream:
        page = await upstream.call(
            "list-messages", thread_id=sessions.CHATKIT_THREAD, order="asc", limit=1
        )

    assert page["messages"] == [
        {
            "id": "cthi_0",
            "role": "user",
            "created_at": 1_700_000_000,
            "text": "> an old answer\ntext 0",
        }
    ]


@pytest.mark.parametrize("behaviour", LISTS, ids=str)
async def test_a_search_reads_the_sessions(behaviour: Behaviour) -> None:
    _, thread_id = LISTS[behaviour]
    async with world(behaviour.answer, behaviour.settings) as upstream:
        page = await upstream.call("search-messages", query='"text 99"', order="newest")

    assert page["hits"][0]["title"] == "title 229"
    found = [
        (hit["thread_id"], "text 99" in hit["excerpt"].replace("**", "")) for hit in page["hits"]
    ]
    assert found == [(thread_id, True)]


async def test_a_search_goes_on_after_more_empty_threads_than_one_call_can_read() -> None:
    behaviour = sessions.CHATKIT
    async with world(behaviour.answer, behaviour.settings) as upstream:
        pages = await upstream.pages("search-messages", query='"text 99"', order="oldest")

    assert [hit["thread_id"] for page in pages for hit in page["hits"]] == [sessions.CHATKIT_THREAD]
    assert [page["page"]["stopped_by"] for page in pages] == ["requests"] * 4 + ["end"]


@shows(sessions.FOUNDRY)
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_threads_and_conversations_are_listed_together_in_order(order: str) -> None:
    behaviour = sessions.FOUNDRY
    async with world(behaviour.answer, behaviour.settings) as upstream:
        pages = await upstream.pages("list-threads", limit=90, order=order)
        found = ids(pages, "threads")
        after = await upstream.call("list-threads", limit=5, order=order, after=found[200])
        before = await upstream.call("list-threads", limit=5, order=order, before=found[200])

    times = [thread["created_at"] for page in pages for thread in page["threads"]]
    assert times == sorted(times, reverse=order == "desc")
    assert sorted(found) == sorted(
        f"{kind}_{number}" for kind in ("thread", "conv") for number in range(sessions.COUNT)
    )
    assert ids([after], "threads") == found[201:206]
    assert ids([before], "threads") == found[195:200]
    assert pages[-1]["page"]["stopped_by"] == "end"


async def test_a_search_continues_in_the_next_list_after_the_end_of_one() -> None:
    lists: dict[str, list[JSON]] = {
        name: [
            {"id": f"{kind}_{number}", "object": kind, "created_at": number} for number in (1, 2)
        ]
        for kind, name in (("thread", "threads"), ("conv", "conversations"))
    }
    lists["responses"] = []
    async with world(sessions.foundry(lists), {"upstream": "foundry"}) as upstream:
        pages = await upstream.pages("search-messages", query="text", order="newest", limit=1)

    found = [hit["thread_id"] for page in pages for hit in page["hits"]]
    assert found == ["thread_2", "thread_1", "conv_2", "conv_1"]


@pytest.mark.parametrize("lacking", ["threads", "conversations"])
async def test_a_list_that_the_upstream_lacks_is_left_out(lacking: str) -> None:
    listed: dict[str, list[JSON]] = {
        "threads": [{"id": "thread_1", "object": "thread", "created_at": 1}],
        "conversations": [{"id": "conv_1", "object": "conversation", "created_at": 1}],
    }
    (expected,) = [row["id"] for name in listed if name != lacking for row in listed[name]]
    del listed[lacking]
    async with world(sessions.foundry(listed), {"upstream": "foundry"}) as upstream:
        threads = await upstream.call("list-threads")
        hits = await upstream.call("search-messages", query="text", order="newest")

    assert ids([threads], "threads") == [expected]
    assert [hit["thread_id"] for hit in hits["hits"]] == [expected]


@shows(sessions.FIREWORKS)
async def test_a_search_reads_the_outputs_of_listed_responses() -> None:
    behaviour = sessions.FIREWORKS
    async with world(behaviour.answer, behaviour.settings) as upstream:
        page = await upstream.call("search-messages", query='"text 17"', order="newest")
        one = await upstream.call("get-chat-messages", completion_id="resp_17")

    assert [hit["thread_id"] for hit in page["hits"]] == ["resp_17"]
    assert [message["text"] for message in one["messages"]] == ["text 17"]
    assert one["page"]["warning"] == NO_INPUT


@pytest.mark.parametrize("loses", [0, 1, 2])
async def test_a_message_is_added_to_a_session_once_by_its_key(loses: int) -> None:
    say: JSON = {"thread_id": sessions.SESSION, "role": "user", "content": "hello"}
    answering = sessions.agent_sessions(loses=loses)
    async with world(answering, {"upstream": "openai", "retries": 4}) as upstream:
        first = await upstream.call("create-message", **say)
        key = first["idempotency_key"]
        again = await upstream.call("create-message", idempotency_key=key, **say)
        listed = await upstream.call("list-messages", thread_id=sessions.SESSION, limit=3)

    assert first["message"]["id"] == again["message"]["id"] == "msg_new1"
    assert [message["text"] for message in listed["messages"]] == ["hello", "text 129", "text 128"]
    keys = {one.headers["idempotency-key"] for one in upstream.asked if one.method == "POST"}
    assert len(keys) == 1


async def test_a_message_that_was_accepted_but_is_not_listed_in_time_may_have_been_written() -> (
    None
):
    say: JSON = {"thread_id": sessions.SESSION, "role": "user", "content": "hello"}
    async with world(sessions.agent_sessions(late=100), {"upstream": "openai"}) as upstream:
        call = Call.begin(upstream.client, Bounds(deadline_s=paced_s(1)))
        with pytest.raises(ToolError) as failed:
            await CREATE_MESSAGE.run(call, say)

    assert failed.value.code == "outcome_unknown"


async def test_only_a_user_can_add_a_message_to_a_session() -> None:
    say = {"thread_id": sessions.SESSION, "role": "assistant", "content": "hello"}
    async with world(sessions.agent_sessions(), {"upstream": "openai"}) as upstream:
        error = await upstream.error("create-message", **say)

    assert (error.code, error.message) == (
        "invalid_arguments",
        "Only messages of the role user can be added to an agent session.",
    )


async def test_an_agent_session_is_read_changed_and_deleted_as_a_whole() -> None:
    named, renamed = {"thread_id": "sess_1"}, {"title": "renamed"}
    async with world(sessions.agent_sessions(), {"upstream": "openai"}) as upstream:
        first = await upstream.call("get-thread", **named)
        changed = await upstream.call("modify-thread", metadata=renamed, **named)
        deleted = await upstream.call("delete-thread", **named)
        error = await upstream.error("get-thread", **named)

    assert first["thread"]["title"] == "title 1"
    assert changed["thread"]["title"] == "renamed"
    assert deleted == {"thread_id": "sess_1", "deleted": True}
    assert error.code == "not_found"


async def test_single_messages_of_an_agent_session_are_not_deleted() -> None:
    async with world(sessions.agent_sessions(), {"upstream": "openai"}) as upstream:
        error = await upstream.error("delete-message", thread_id="sess_1", message_id="msg_1")

    assert (error.code, error.message, error.taken_by) == (
        "invalid_arguments",
        "thread_id is the id of an agent session.",
        "list-messages",
    )
    assert not upstream.asked
