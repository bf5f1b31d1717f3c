"""The items of a session, whatever the framework."""

import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backscroll_tools.client import requests
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import OPENAI, Upstream
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON, Order
from backscroll_tools.sessions import labels
from backscroll_tools.sessions.calls import begin, walk
from backscroll_tools.sessions.labels import labels_of
from backscroll_tools.sessions.metadata_json import gathered, spread
from backscroll_tools.sessions.opened import Sessions
from backscroll_tools.sessions.session import Session
from tests.chance import SEED
from tests.faults.plans import CLEAN, Plan
from tests.tools.opened import opened
from tests.tools.sessions.stage import LATE_S, LOST, Stage, at_once

CHAT = labels_of("test", session="chat")

CUT: Final = Plan(fault="cut", phase="reply")
UNSENT: Final = Plan(fault="reset", phase="held")
BUSY: Final = Plan(fault="status", phase="held", status=503)

T = TypeVar("T")


def said(*texts: object) -> list[JSON]:
    return [{"role": "user", "content": str(text)} for text in texts]


async def texts(session: Session) -> list[str]:
    return [item["content"][0]["text"] for item in await session.items()]


async def test_another_upstream_than_the_store_is_refused_before_anything_is_sent() -> None:
    async with opened() as store:
        client = Client(store.http, Upstream(OPENAI, store.client.upstream.base_url))

        with pytest.raises(ToolError, match="need the embedded store, and the upstream is openai"):
            await Session(client, CHAT).add(said(1))
        assert await Session(store.client, CHAT).items() == []


async def test_what_is_not_json_is_refused_before_anything_is_sent(stage: Stage) -> None:
    session = Session(stage.client, CHAT)

    with pytest.raises(ToolError, match="not JSON: Object of type object is not"):
        await session.add([*said(1), {"type": "a", "b": object()}])
    with pytest.raises(ToolError, match="not JSON: Out of range"):
        await session.add([{"type": "a", "b": float("nan")}])
    assert await session.items() == []


async def test_an_item_that_could_not_be_read_back_is_refused() -> None:
    async with opened() as store:
        small = Client(store.http, store.client.upstream, reply_bytes=10_000)
        large = Session(Client(store.http, store.client.upstream), CHAT)
        session = Session(small, CHAT)

        with pytest.raises(ToolError, match="larger than 10,000 bytes"):
            await session.add(said("a" * 9_000))
        for number in range(30):
            await session.add(said(f"{number} {'b' * 4_000}"))
        assert [text[:2].strip() for text in await texts(session)] == [*map(str, range(30))]
        await large.add(said("c" * 11_000))
        with pytest.raises(ToolError, match="larger than 10,000 bytes"):
            await session.items()
        assert len(await large.items()) == 31


async def test_long_items_are_added_in_several_requests(stage: Stage) -> None:
    session = Session(stage.client, CHAT)
    stage.proxy.begin(lambda _method, _number: CLEAN)

    await session.add(said(*("a" * 3_000_000 for _ in range(5))))

    sizes = [seen.path.rpartition("/")[2] for seen in stage.proxy.seen if seen.method == "POST"]
    assert sizes == ["conversations", "items", "items", "items", "items", "items"]
    assert [len(text) for text in await texts(session)] == [3_000_000] * 5


async def test_an_addition_that_others_have_removed_meanwhile_is_not_repeated(
    stage: Stage,
) -> None:
    session, elsewhere = (Session(each, CHAT) for each in (stage.client, stage.other))
    await session.add(said("first"))
    stage.proxy.begin(lambda method, _: CLEAN if method == "GET" else LOST)
    with pytest.raises(ToolError, match="A reply of the store was lost"):
        await session.add(said("second"))
    popped = await elsewhere.pop()
    stage.proxy.begin(lambda _method, _number: CLEAN)

    await session.add(said("second"))

    assert popped is not None
    assert await texts(session) == ["first"]


async def test_an_addition_continues_in_a_new_conversation_after_a_clearing(stage: Stage) -> None:
    session, elsewhere = (Session(each, CHAT) for each in (stage.client, stage.other))
    await session.add(said("first"))
    await elsewhere.clear()

    await session.add(said("second"))

    assert await texts(elsewhere) == ["second"]


async def test_a_conversation_that_does_not_exist_is_not_found(stage: Stage) -> None:
    session = Session(stage.client, {}, "conv_unknown")

    for change in (session.items(), session.add(said(1)), session.pop()):
        with pytest.raises(ToolError) as failed:
            await change
        assert failed.value.code == "not_found"


async def test_a_session_whose_creation_was_not_confirmed_is_created_once(stage: Stage) -> None:
    session = Session(stage.client, CHAT)

    await stage.despite_lost_replies(lambda: session.add(said(1)))

    assert await texts(session) == ["1"]
    assert len(await labels.find_all(begin(stage.other), CHAT)) == 1


async def test_equal_additions_at_the_same_time_are_all_made(stage: Stage) -> None:
    session = Session(stage.client, CHAT)
    shared = session.through(stage.other)

    await at_once(*(each.add(said("yes")) for each in (session, shared) for _ in range(5)))

    assert await texts(session) == ["yes"] * 10


async def test_items_that_are_popped_at_the_same_time_are_different(stage: Stage) -> None:
    session = Session(stage.client, CHAT)
    await session.add(said(*range(12)))
    popped: list[str] = []

    async def pop() -> None:
        item = await session.pop()
        popped.append(item["content"][0]["text"] if item else "none")

    await at_once(*(pop() for _ in range(12)))

    assert sorted(popped, key=int) == [*map(str, range(12))]


@pytest.mark.parametrize("is_cleared", [True, False])
async def test_a_failed_pop_is_not_continued_after_another_change(
    stage: Stage, is_cleared: bool
) -> None:
    session = Session(stage.client, CHAT)
    await session.add(said(1, 2))
    stage.proxy.begin(lambda method, _: CLEAN if method == "GET" else LOST)
    with pytest.raises(ToolError, match="A reply of the store was lost"):
        await session.pop()
    stage.proxy.begin(lambda _method, _number: CLEAN)

    if is_cleared:
        await session.clear()
    await session.add(said(3))

    popped = await session.pop()
    assert popped is not None
    assert popped["content"][0]["text"] == "3"
    assert await texts(session) == ([] if is_cleared else ["1"])


async def test_a_removed_item_was_there_once(stage: Stage) -> None:
    session, elsewhere = (Session(each, CHAT) for each in (stage.client, stage.other))
    assert not await session.remove("msg_1")
    await session.add(said(1))
    (item,) = await session.items()

    assert await elsewhere.remove(item["id"])
    assert not await session.remove(item["id"])


async def test_of_conversations_that_were_begun_at_once_the_oldest_is_the_session_s(
    stage: Stage,
) -> None:
    created: list[tuple[JSON, bool]] = []

    async def create(client: Client) -> None:
        created.append(await labels.create(begin(client), CHAT))

    await at_once(*(create(client) for client in (stage.client, stage.other) for _ in "1234"))

    (left,) = await labels.find_all(begin(stage.client), CHAT)
    assert {conversation["id"] for conversation, _ in created} == {left["id"]}
    assert [is_new for _, is_new in created].count(True) == 1


def _planned(plans: list[Plan], _method: str, number: int) -> Plan:
    return plans[number % len(plans)]


async def test_whatever_the_network_does_changes_that_are_repeated_are_made_once(
    stage: Stage,
) -> None:
    chance = random.Random(SEED)
    sessions = [Session(stage.client, CHAT, deadline_s=LATE_S) for _ in range(3)]
    expected: list[str] = []

    async def done(change: Callable[[], Awaitable[T]]) -> T:
        """Repeat a change until it is confirmed; from the third time on, nothing disturbs it."""
        for _ in range(2):
            try:
                return await change()
            except ToolError:
                continue
        stage.proxy.begin(lambda _method, _number: CLEAN)
        return await change()

    for number in range(60):
        session = chance.choice(sessions)
        plans = [chance.choice([CLEAN, LOST, CUT, UNSENT, BUSY]) for _ in range(100)]
        stage.proxy.begin(partial(_planned, plans))
        match chance.choice(["add", "add", "add", "pop", "clear" if number % 10 == 0 else "add"]):
            case "add":
                added = [f"{number}.{at}" for at in range(chance.choice([1, 3, 45]))]
                items = said(*added)
                await done(partial(session.add, items))
                expected += added
            case "pop":
                popped = await done(session.pop)
                newest = expected.pop() if expected else None
                assert (popped and popped["content"][0]["text"]) == newest
            case _:
                await done(session.clear)
                expected.clear()
        stage.proxy.begin(lambda _method, _number: CLEAN)
        assert await texts(session) == expected


async def test_an_operation_has_a_time_limit(stage: Stage) -> None:
    session = Session(stage.client, CHAT, deadline_s=0.0)

    with pytest.raises(ToolError) as failed:
        await session.add(said(1))
    assert failed.value.code == "upstream_unavailable"


async def test_an_operation_has_a_limit_of_requests(stage: Stage) -> None:
    session = Session(stage.client, CHAT)
    await session.add(said(*range(250)))
    (conversation,) = await labels.find_all(begin(stage.client), CHAT)
    listing = partial(requests.list_items, conversation["id"])

    assert len(await walk(replace(begin(stage.client), requests=3), listing)) == 250
    with pytest.raises(ToolError, match="more upstream requests"):
        await walk(replace(begin(stage.client), requests=2), listing)


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_a_long_session_is_read_from_both_ends(stage: Stage, order: Order) -> None:
    session = Session(stage.client, CHAT)
    await session.add(said(*range(550)))
    stage.proxy.begin(lambda _method, _number: CLEAN)

    found = await session.items(order=order)

    numbers = [int(item["content"][0]["text"]) for item in found]
    assert numbers == sorted(range(550), reverse=order == "desc")
    began = sorted(seen.begun for seen in stage.proxy.seen if "order=asc" in seen.path)
    told = sorted(seen.told for seen in stage.proxy.seen if "order=desc" in seen.path)
    assert began[0] < told[-1]
    assert told[0] < began[-1]


async def test_an_adapter_remembers_a_thousand_sessions(stage: Stage) -> None:
    sessions = Sessions(stage.client, "test")
    first, again = sessions.named("0"), sessions.named("0")
    for number in range(1, 1_000):
        sessions.named(str(number))

    assert first is again is sessions.named("0")
    sessions.named("1000")
    assert sessions.named("0") is first
    assert sessions.named("1") is not sessions.named("2")


@given(st.text(max_size=300), st.integers(0, 5_000))
def test_json_in_metadata_is_read_back(text: str, length: int) -> None:
    value = {"text": text, "long": "x" * length}
    try:
        metadata = spread(value)
    except ToolError:
        assert length > 2_000
        return

    assert gathered(metadata) == value
    assert len(metadata) <= 11
    assert all(len(part) <= 512 for part in metadata.values())
