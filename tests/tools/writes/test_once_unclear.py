"""What is known of a write that fails, is cut off or comes late, and what its key then carries."""

import json
from dataclasses import replace

import anyio
import httpx2
import pytest

from backscroll_tools.client.client import Client
from backscroll_tools.client.groups import CONVERSATIONS
from backscroll_tools.client.profiles import COMPATIBLE, Header, Upstream
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.tool import Bounds, Call, Result
from backscroll_tools.tools.create_message import CREATE_MESSAGE
from backscroll_tools.writes import keys, once
from tests.pace import limit_s
from tests.tools.keyless import (
    BASE,
    DONE,
    GONE,
    LOST,
    NEVER,
    REFUSED,
    UNDERWAY_S,
    V2,
    WRONG,
    Deed,
    code_of,
    key_of,
    writing,
)


async def test_a_repeated_call_that_is_cut_off_while_it_looks_still_does_not_know() -> None:
    async with writing() as writer:
        thread = await writer.new()
        writer.keyless.deeds = [GONE]
        first = await writer.write(thread_id=thread)
        writer.restart()
        writer.keyless.lists = [NEVER] * 9
        again = await writer.write(0.1, thread_id=thread, idempotency_key=key_of(first))
        assert (code_of(again), key_of(again)) == ("outcome_unknown", key_of(first))


async def test_a_first_call_that_is_cut_off_before_it_writes_has_written_nothing() -> None:
    async with writing() as writer:
        thread = await writer.new()
        writer.keyless.lists = [NEVER] * 9
        outcome = await writer.write(0.1, thread_id=thread)
        assert (code_of(outcome), writer.sent) == ("deadline_exceeded", 0)


async def test_a_call_that_is_cut_off_as_it_is_about_to_write_says_so_in_its_key() -> None:
    async def credential() -> Header:
        if writer.keyless.asked:  # the newest message has been noted
            await anyio.sleep_forever()
        return "Authorization", "Bearer x"

    async with writing() as writer:
        thread = await writer.new()
        writer.client.upstream = replace(writer.client.upstream, credential=credential)
        outcome = await writer.write(1.0, thread_id=thread)  # enough to note it at once
        assert (code_of(outcome), writer.sent) == ("deadline_exceeded", 0)
        key = keys.read(key_of(outcome))
        assert (key.sent_at, key.newest_digest) == (0, keys.digest(keys.NOTHING))
        writer.restart()
        assert code_of(await writer.write(thread_id=thread, idempotency_key=str(key))) == "done"


async def test_a_lost_write_s_key_says_when_it_was_sent() -> None:
    async with writing() as writer:
        thread = await writer.new()
        writer.keyless.deeds = [GONE]
        key = keys.read(key_of(await writer.write(thread_id=thread)))
        assert key.sent_at == writer.keyless.now + 1


@pytest.mark.parametrize(("deed", "code", "sent"), [(REFUSED, "rate_limited", 3), (WRONG, "", 1)])
async def test_what_stays_refused_is_sent_three_times_and_was_never_written(
    deed: Deed, code: str, sent: int
) -> None:
    async with writing() as writer:
        thread = await writer.new()
        writer.keyless.deeds = [deed] * 9
        outcome = await writer.write(thread_id=thread)
        assert (code_of(outcome), writer.sent) == (code or "invalid_arguments", sent)
        if code:
            assert keys.read(key_of(outcome)).sent_at == 0


async def test_a_refusal_stays_one_though_nobody_can_look_whether_it_was_acted_on() -> None:
    async with writing() as writer:
        thread = await writer.new()
        writer.keyless.deeds, writer.keyless.lists = [WRONG], [200, 403]
        outcome = await writer.write(thread_id=thread)
        assert isinstance(outcome, ToolError)
        assert (outcome.code, outcome.message) == ("invalid_arguments", "No.")


@pytest.mark.parametrize(
    ("lists", "ending"),
    [
        ([200, 403, 200], "done"),
        ([200, 200], "done"),
        ([200, 403, 403], "outcome_unknown"),
    ],
)
async def test_a_look_that_fails_is_followed_by_another(lists: list[int], ending: str) -> None:
    async with writing() as writer:
        thread = await writer.new()
        writer.keyless.deeds, writer.keyless.lists = [LOST], list(lists)
        assert code_of(await writer.write(thread_id=thread)) == ending
        assert len(await writer.messages(thread)) == 1


async def test_looks_that_all_fail_tell_nothing_however_long_ago_it_was_sent() -> None:
    async with writing() as writer:
        thread = await writer.new()
        writer.keyless.deeds = [GONE]
        first = await writer.write(thread_id=thread)
        writer.keyless.now += UNDERWAY_S + 2
        writer.keyless.lists = [403, 403]
        again = await writer.write(thread_id=thread, idempotency_key=key_of(first))
        assert (code_of(again), writer.sent) == ("outcome_unknown", 1)


async def test_a_refusal_stays_one_though_the_look_behind_it_fails() -> None:
    async with writing() as writer:
        thread = await writer.new()
        writer.keyless.deeds, writer.keyless.lists = [REFUSED], [200, 403]
        outcome = await writer.write(thread_id=thread)
        assert (code_of(outcome), writer.sent) == ("rate_limited", 1)


@pytest.mark.parametrize(("later", "ending"), [(359, "outcome_unknown"), (360, "done")])
async def test_a_lost_message_is_written_anew_from_the_second_on_in_which_it_cannot_come(
    later: int, ending: str
) -> None:
    async with writing() as writer:
        thread = await writer.new()
        writer.keyless.deeds = [GONE]
        first = await writer.write(thread_id=thread)
        writer.keyless.now += later
        again = await writer.write(thread_id=thread, idempotency_key=key_of(first))
        assert code_of(again) == ending
        if isinstance(again, ToolError):
            assert key_of(again) == key_of(first)
            assert "again in 1 s with" in again.next_step


async def test_what_was_refused_is_written_though_an_older_message_says_the_same() -> None:
    async with writing(keeps_metadata=False) as writer:
        thread = await writer.new()
        await writer.write(thread_id=thread)
        writer.keyless.deeds = [REFUSED] * 3
        refused = await writer.write(thread_id=thread)
        writer.restart()
        again = await writer.write(thread_id=thread, idempotency_key=key_of(refused))
        assert (code_of(refused), code_of(again)) == ("rate_limited", "done")
        assert len(await writer.messages(thread)) == 2


async def test_a_lost_message_is_told_from_those_without_a_marker() -> None:
    async with writing() as writer:
        thread = await writer.new()
        body = {"role": "user", "content": "a"}
        await writer.http.post(f"{BASE}/threads/{thread}/messages", json=body, headers=V2)
        writer.keyless.deeds = [LOST]
        outcome = await writer.write(thread_id=thread)
        assert isinstance(outcome, Result), outcome
        assert (await writer.messages(thread))[1][0] == outcome.structured["message"]["id"]


async def test_an_upstream_gets_the_key_whether_it_takes_notice_or_not() -> None:
    async with writing() as writer:
        for kind in ("threads", "conversations"):
            await writer.write(thread_id=await writer.new(kind), idempotency_key=f"mine-{kind}")
        assert writer.keyless.keys == ["mine-threads", "mine-conversations"]


async def test_the_key_of_a_new_thread_s_lost_message_says_that_it_began_empty() -> None:
    async with writing() as writer:
        writer.keyless.deeds = [GONE]
        key = keys.read(key_of(await writer.write()))
        assert [line.partition(" ")[0] for line in writer.keyless.asked[:2]] == ["POST"] * 2
        assert (key.newest_digest, key.thread[:7]) == (keys.digest(keys.NOTHING), "thread_")
        other = await writer.write(thread_id=await writer.new(), idempotency_key=str(key))
        assert isinstance(other, ToolError)
        assert other.next_step == "Leave out thread_id, or idempotency_key."


async def test_calls_about_one_thread_take_turns_and_those_about_others_do_not_wait() -> None:
    async with writing() as writer:
        one, other = await writer.new(), await writer.new()
        writer.keyless.asked.clear()
        async with anyio.create_task_group() as tasks:
            for key in ("a", "b"):
                tasks.start_soon(lambda key: writer.write(thread_id=one, idempotency_key=key), key)
        url = f"/threads/{one}/messages"
        # A key of the caller's own is searched for, then the newest message is noted.
        assert writer.keyless.asked == [f"GET {url}", f"GET {url}", f"POST {url}"] * 2
        writer.keyless.lists = [NEVER]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: writer.write(thread_id=one))
            await anyio.wait_all_tasks_blocked()
            with anyio.fail_after(limit_s(1)):
                assert code_of(await writer.write(thread_id=other)) == "done"
            tasks.cancel_scope.cancel()


async def test_a_repeated_answer_names_the_role_and_costs_no_request() -> None:
    async with writing() as writer:
        first = await writer.write(idempotency_key="mine", role="assistant")
        writer.keyless.asked.clear()
        again = await writer.write(idempotency_key="mine", role="assistant")
        assert isinstance(first, Result)
        assert isinstance(again, Result)
        message = {"id": first.structured["message"]["id"], "role": "assistant"}
        assert again.structured["message"] == message
        assert writer.keyless.asked == []


async def test_what_this_process_wrote_for_another_call_is_not_taken_for_a_lost_message() -> None:
    async with writing(keeps_metadata=False) as writer:
        thread = await writer.new()
        writer.keyless.deeds = [GONE, DONE]
        lost = await writer.write(thread_id=thread)
        other = await writer.write(thread_id=thread)
        again = await writer.write(thread_id=thread, idempotency_key=key_of(lost))
        assert [code_of(each) for each in (lost, other, again)] == [
            *("outcome_unknown", "done"),
            "outcome_unknown",
        ]
        writer.keyless.now += UNDERWAY_S + 2
        last = await writer.write(thread_id=thread, idempotency_key=key_of(lost))
        assert isinstance(other, Result)
        assert isinstance(last, Result)
        ids = [outcome.structured["message"]["id"] for outcome in (other, last)]
        assert await writer.messages(thread) == [(ids[0], "a"), (ids[1], "a")]


async def test_a_key_of_another_message_is_refused_with_the_way_out() -> None:
    async with writing() as writer:
        thread = await writer.new()
        await writer.write(thread_id=thread, idempotency_key="mine")
        other = await writer.write(thread_id=thread, idempotency_key="mine", content="b")
        assert isinstance(other, ToolError)
        assert (other.code, other.next_step) == (
            "invalid_arguments",
            "To write this message, call without idempotency_key.",
        )


def test_a_new_key_is_short_and_like_no_other() -> None:
    minted = {keys.mint() for _ in range(100)}
    assert len(minted) == 100
    assert {len(key) for key in minted} == {22}


FIFTEEN = {f"pair_{number}": "x" for number in range(15)}


@pytest.mark.parametrize(
    ("keeps_metadata", "pairs", "marked"),
    [
        (True, {}, True),
        (True, {"topic": "tea"}, True),
        (True, FIFTEEN, True),
        (True, {**FIFTEEN, "topic": "tea"}, False),
        (False, {"topic": "tea"}, False),
    ],
)
async def test_a_message_keeps_its_metadata_beside_the_marker_that_there_is_room_for(
    keeps_metadata: bool, pairs: dict[str, str], marked: bool
) -> None:
    async with writing(keeps_metadata=keeps_metadata) as writer:
        thread = await writer.new()
        outcome = await writer.write(thread_id=thread, metadata=pairs, idempotency_key="mine")
        assert isinstance(outcome, Result)
        url = f"{BASE}/threads/{thread}/messages/{outcome.structured['message']['id']}"
        there = (await writer.http.get(url, headers=V2)).json()["metadata"]
        assert there == {**pairs, **({once.MARKER: "mine"} if marked else {})}


@pytest.mark.parametrize(
    ("keeps_metadata", "pairs", "sent"),
    [
        (True, {}, {"metadata": {once.MARKER: "mine"}}),
        (True, {"a": "b"}, {"metadata": {"a": "b", once.MARKER: "mine"}}),
        (False, {}, {}),
        (False, {"a": "b"}, {"metadata": {"a": "b"}}),
    ],
)
async def test_a_message_is_sent_with_metadata_only_if_it_has_any(
    keeps_metadata: bool, pairs: JSON, sent: JSON
) -> None:
    bodies: list[JSON] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        reply: JSON = {"object": "list", "data": [], "has_more": False}
        if request.method == "POST":
            bodies.append(json.loads(request.content))
            reply = {"id": "msg_1", "object": "thread.message", "role": "user"}
        return httpx2.Response(200, stream=httpx2.ByteStream(json.dumps(reply).encode()))

    profile = replace(COMPATIBLE, keeps_metadata=keeps_metadata)
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
        call = Call.begin(Client(http, Upstream(profile, BASE)), Bounds())
        arguments = {
            "thread_id": "thread_1",
            "role": "user",
            "content": "a",
            "idempotency_key": "mine",
        }
        given = {"metadata": pairs} if pairs else {}
        await CREATE_MESSAGE.run(call, {**arguments, **given})
    assert bodies == [{"role": "user", "content": "a", **sent}]


async def test_what_one_caller_wrote_no_other_replays() -> None:
    async with writing(keeps_metadata=False) as writer:
        thread = await writer.new()
        await writer.write(thread_id=thread, idempotency_key="mine")
        writer.restart()  # to a new client, as every other caller has one
        await writer.write(thread_id=thread, idempotency_key="mine")
        assert len(await writer.messages(thread)) == 2


async def test_a_callers_own_key_of_a_new_thread_begins_it_once_and_goes_with_no_other() -> None:
    async with writing() as writer:
        thread = await writer.new()
        outcomes = [
            await writer.write(thread_id=thread, idempotency_key="mine"),
            await writer.write(idempotency_key="mine"),
            await writer.write(idempotency_key="mine"),
            await writer.write(thread_id=thread, idempotency_key="mine"),
        ]
        there, begun, again, back = (
            (each.structured["thread_id"], each.structured["message"]["id"])
            for each in outcomes
            if isinstance(each, Result)
        )
        assert (begun, there) == (again, back)
        assert begun[0] != there[0] == thread
        assert [len(await writer.messages(each)) for each in (begun[0], thread)] == [1, 1]


async def test_an_id_of_no_known_kind_is_a_conversation_where_there_are_no_threads() -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(f"{request.method} {request.url.path}")
        body = b'{"object": "list", "data": [{"id": "item_1"}], "has_more": false}'
        return httpx2.Response(200, stream=httpx2.ByteStream(body))

    profile = replace(COMPATIBLE, serves=frozenset({CONVERSATIONS}))
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
        call = Call.begin(Client(http, Upstream(profile, BASE)), Bounds())
        arguments = {"thread_id": "talk_1", "role": "user", "content": "a"}
        await CREATE_MESSAGE.run(call, arguments)
    assert asked == [f"{method} /v1/conversations/talk_1/items" for method in ("GET", "POST")]
