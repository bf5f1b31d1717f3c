"""What is sent, how often and how much of it at once."""

import base64
import contextlib
import json
import math
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx2
import msgspec
import pytest

from backscroll_tools.client import replies, requests
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.client import Client
from backscroll_tools.client.dialects import ARRAY, BY_NUMBER
from backscroll_tools.client.failures import (
    NO_ANSWER,
    TooManyRequestsError,
    UnreachableError,
    unreachable,
)
from backscroll_tools.client.file_requests import file_content
from backscroll_tools.client.groups import CONVERSATIONS, FILES, ORGANIZATION, THREADS
from backscroll_tools.client.lanes import OF_ONE
from backscroll_tools.client.profiles import COMPATIBLE, EMBEDDED, STORE, Header, Upstream
from backscroll_tools.client.requests import Slice
from backscroll_tools.client.session_requests import send_message
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from tests.pace import limit_s
from tests.simulation import clock

READ = requests.list_messages("thread_1", Slice(20, "desc"))
WRITE = requests.create_message("thread_1", {"role": "user", "content": "a"}, "key-1")
KEYLESS = Upstream(COMPATIBLE, "http://upstream.invalid/v1")
EMPTY = '{"data": [], "has_more": false}'

Answer = Callable[[httpx2.Request], Awaitable[httpx2.Response]]


@dataclass
class Wire(httpx2.AsyncBaseTransport):
    """Answers each request as it is told to, and notes them."""

    answer: Answer
    asked: list[httpx2.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        return await self.answer(request)

    def client(
        self,
        upstream: Upstream = EMBEDDED,
        most: float = math.inf,
        **options: Any,  # noqa: ANN401 - a client's own
    ) -> CallClient:
        http = httpx2.AsyncClient(transport=self, timeout=None)
        return CallClient(Client(http, upstream, **{"chance": lambda: 0.0, **options}), most)


@dataclass(frozen=True)
class Said:
    """What an upstream says."""

    body: str
    status: int = 200

    def response(self) -> httpx2.Response:
        return httpx2.Response(self.status, stream=httpx2.ByteStream(self.body.encode()))


def in_turn(*answers: Said | Exception) -> Wire:
    """Return a wire that gives one answer after another, the last for ever."""

    async def answer(_: httpx2.Request) -> httpx2.Response:
        given = answers[min(len(wire.asked), len(answers)) - 1]
        if isinstance(given, Exception):
            raise given
        return given.response()

    wire = Wire(answer)
    return wire


@pytest.mark.parametrize(
    ("limit", "fits", "asked"),
    [
        (100, 100, [100]),
        (100, 20, [100, 25, 6]),
        (20, 1, [20, 5, 1]),
        (2, 1, [2, 1]),
        (2, 0, [2, 1]),
        (1, 0, [1]),
    ],
)
async def test_a_page_that_is_too_large_is_asked_for_again_with_fewer_items(
    limit: int, fits: int, asked: list[int]
) -> None:
    async def answer(request: httpx2.Request) -> httpx2.Response:
        large = int(request.url.params["limit"]) > fits
        return Said(EMPTY + " " * (1_000 if large else 0)).response()

    wire = Wire(answer)
    page = wire.client(reply_bytes=500).page(requests.list_threads(Slice(limit, "desc")))
    if fits:
        assert await page == replies.Reply((), has_more=False)
    else:
        with pytest.raises(ToolError, match="upstream_invalid: The upstream's reply is larger"):
            await page
    assert [int(request.url.params["limit"]) for request in wire.asked] == asked


async def test_a_page_that_fails_otherwise_is_not_asked_for_with_fewer_items() -> None:
    wire = in_turn(Said("[]"))
    with pytest.raises(ToolError, match="upstream_invalid"):
        await wire.client().page(READ)
    assert len(wire.asked) == 1


async def test_the_end_of_a_full_page_is_believed_of_an_upstream_that_is_trusted() -> None:
    full = '{"data": [{"id": "msg_1"}], "has_more": false}'
    read = requests.list_messages("thread_1", Slice(1, "desc"))
    for upstream, has_more in ((EMBEDDED, False), (KEYLESS, None)):
        page = await in_turn(Said(full)).client(upstream).page(read)
        assert page == replies.Reply(({"id": "msg_1"},), has_more=has_more)


@pytest.mark.parametrize("upstream", [EMBEDDED, KEYLESS], ids=["embedded", "compatible"])
async def test_a_database_that_stayed_locked_is_waited_for_twice_and_the_lock_is_told(
    upstream: Upstream,
) -> None:
    # The store has waited ten seconds each time, and hosts give up after sixty.
    locked = {"error": {"message": "The database is locked.", "code": "database_busy"}}
    wire = in_turn(Said(json.dumps(locked), 503))
    with pytest.raises(ToolError) as refused:
        await wire.client(upstream).send(READ)

    assert len(wire.asked) == 2
    assert refused.value.render() == (
        "upstream_unavailable: The database is locked.\n"
        "Next: Call again in a few seconds; if this persists, ask the operator which program has "
        "locked the database.\n"
        "Retry: safe; nothing was written."
    )


async def test_without_keys_what_was_never_sent_is_sent_again_and_what_may_have_been_is_not() -> (
    None
):
    unsent = in_turn(httpx2.ConnectError(""), httpx2.ConnectError(""), Said('{"id": "msg_1"}'))
    assert await unsent.client(KEYLESS).send(WRITE) == {"id": "msg_1"}
    assert len(unsent.asked) == 3
    for lost in (httpx2.ReadError(""), Said("", 502), Said("{", 200)):
        wire = in_turn(lost)
        with pytest.raises(ToolError, match="outcome_unknown"):
            await wire.client(KEYLESS).send(WRITE)
        assert len(wire.asked) == 1


async def test_without_keys_a_read_is_sent_again_whatever_became_of_it() -> None:
    wire = in_turn(httpx2.ReadError(""), Said("", 502), Said(EMPTY))
    await wire.client(KEYLESS).send(READ)
    assert len(wire.asked) == 3


async def test_with_keys_a_write_of_unknown_fate_is_sent_again_with_its_key() -> None:
    wire = in_turn(httpx2.ReadError(""), Said('{"id": "msg_1"}'))
    client = wire.client()
    assert await client.send(WRITE) == {"id": "msg_1"}
    assert [request.headers["idempotency-key"] for request in wire.asked] == ["key-1"] * 2
    assert not client.in_doubt


async def test_with_keys_an_answer_that_cannot_be_read_is_asked_for_once_more() -> None:
    wire = in_turn(Said("{"))
    client = wire.client()
    with pytest.raises(ToolError, match="outcome_unknown"):
        await client.send(WRITE)
    assert (len(wire.asked), client.in_doubt) == (2, True)
    refused_then = in_turn(httpx2.ReadError(""), Said('{"error": {"message": "No."}}', 400))
    with pytest.raises(ToolError, match="outcome_unknown"):
        await refused_then.client().send(WRITE)


async def test_an_answer_that_is_too_large_is_not_asked_for_once_more() -> None:
    wire = in_turn(Said(" " * 1_000))
    with pytest.raises(ToolError, match="outcome_unknown"):
        await wire.client(reply_bytes=500).send(WRITE)
    assert len(wire.asked) == 1


@pytest.mark.parametrize("ahead_s", [-3_600.0, 3_600.0])
def test_a_date_to_come_again_at_is_one_of_the_upstream_s_clock(ahead_s: float) -> None:
    async def read() -> float:
        async def answer(_: httpx2.Request) -> httpx2.Response:
            now = 1_700_000_000 + anyio.current_time()
            dates = {"Date": now, "Retry-After": now + 30}
            headers = {name: formatdate(at, usegmt=True) for name, at in dates.items()}
            if len(wire.asked) > 1:
                return Said(EMPTY).response()
            return httpx2.Response(503, headers=headers, stream=httpx2.ByteStream(b""))

        wire = Wire(answer)
        wall = 1_700_000_000 + ahead_s
        client = wire.client(wall=lambda: wall, monotonic=anyio.current_time)
        with anyio.fail_after(60):
            await client.send(READ)
        return anyio.current_time()

    assert clock.run(read()) == 30


async def test_what_is_refused_leaves_no_doubt() -> None:
    wire = in_turn(Said("", 429))
    client = wire.client()
    with pytest.raises(ToolError, match="rate_limited"):
        await client.send(WRITE)
    assert (len(wire.asked), client.in_doubt) == (5, False)
    with pytest.raises(ToolError, match="upstream_unavailable"):
        await in_turn(Said("", 502)).client().send(READ)


async def test_a_call_makes_no_more_requests_than_it_may() -> None:
    wire = in_turn(Said(EMPTY))
    client = wire.client(most=2)
    await client.send(READ)
    await client.send(READ)
    with pytest.raises(ToolError) as refused:
        await client.send(READ)
    assert refused.value.render() == (
        "upstream_unavailable: The call needs more upstream requests than one call may make.\n"
        "Next: Use a smaller limit, and continue with cursor.\n"
        "Retry: safe; nothing was written."
    )
    assert len(wire.asked) == 2


@pytest.mark.parametrize(("most", "received"), [(2, 1_000), (9, 2 * len(EMPTY))])
async def test_a_client_beside_another_sends_until_its_requests_or_its_bytes_are_used_up(
    most: int, received: int
) -> None:
    wire = in_turn(Said(EMPTY))
    beside = wire.client().beside(most, received)
    await beside.send(READ)
    await beside.send(READ)
    with pytest.raises(TooManyRequestsError):
        await beside.send(READ)
    assert len(wire.asked) == 2


async def test_a_client_beside_another_sends_each_request_once() -> None:
    wire = in_turn(Said("", 503))
    with pytest.raises(ToolError, match="upstream_unavailable"):
        await wire.client().beside(9, 1_000).send(READ)
    assert len(wire.asked) == 1


async def test_a_client_and_one_beside_it_share_the_requests_of_the_call() -> None:
    client = in_turn(Said(EMPTY)).client(most=2)
    beside = client.beside(9, 1_000)
    await beside.send(READ)
    await client.send(READ)
    for one in (client, beside):
        with pytest.raises(TooManyRequestsError):
            await one.send(READ)
    assert (client.tally.requests, client.tally.bytes) == (2, 2 * len(EMPTY))
    assert (client.received, beside.received) == (len(EMPTY), len(EMPTY))


def test_a_client_beside_another_waits_until_the_pause_of_the_other_is_over() -> None:
    async def answer(_: httpx2.Request) -> httpx2.Response:
        sent_at.append(anyio.current_time())
        if len(sent_at) > 1:
            return Said(EMPTY).response()
        headers = {"retry-after": "7"}
        return httpx2.Response(503, headers=headers, stream=httpx2.ByteStream(b""))

    async def read() -> None:
        client = Wire(answer).client()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.send, READ)
            await anyio.sleep(1)
            await client.beside(9, 1_000).send(READ)

    sent_at: list[float] = []
    clock.run(read())
    assert sent_at == [0, 7, 7]


def test_a_client_beside_another_has_the_deadline_of_the_call() -> None:
    async def read() -> float:
        shared = Wire(never).client().shared
        with pytest.raises(UnreachableError):
            await CallClient(shared, ends_at=16).beside(9, 1_000).send(READ)
        return anyio.current_time()

    assert clock.run(read()) == 8


async def test_what_an_upstream_does_not_serve_is_not_asked_of_it() -> None:
    wire = in_turn(Said(EMPTY))
    lacking = Upstream(replace(STORE, serves=frozenset({CONVERSATIONS})), "http://u.invalid")
    with pytest.raises(ToolError) as refused:
        await wire.client(lacking).send(READ)
    assert (refused.value.code, refused.value.message, refused.value.next_step, wire.asked) == (
        "upstream_retired",
        "The upstream (store) does not serve GET /threads/{id}/messages.",
        "Ask the operator which upstream BACKSCROLL_UPSTREAM should name.",
        [],
    )


async def test_a_credential_is_fetched_for_each_request_and_repeated_in_no_error() -> None:
    fetched: list[str] = []

    async def credential() -> Header:
        fetched.append(f"Bearer token-{len(fetched)}")
        return "Authorization", fetched[-1]

    said = '{"error": {"message": "token-1 is malformed."}}'
    wire = in_turn(Said("", 503), Said(said, 400))
    with pytest.raises(ToolError) as failed:
        await wire.client(replace(EMBEDDED, credential=credential)).send(READ)
    assert [request.headers["authorization"] for request in wire.asked] == fetched
    assert failed.value.message == "The upstream answered with HTTP status 400."


async def test_a_key_that_is_a_header_s_whole_value_is_repeated_in_no_error() -> None:
    async def credential() -> Header:
        return "api-key", "secret-1"

    wire = in_turn(Said('{"error": {"message": "secret-1 is malformed."}}', 400))
    with pytest.raises(ToolError) as failed:
        await wire.client(replace(EMBEDDED, credential=credential)).send(READ)
    assert failed.value.message == "The upstream answered with HTTP status 400."


PROJECTS = requests.Request("GET", ORGANIZATION, "/organization/projects")


async def credential() -> Header:
    return "Authorization", "Bearer sk-ordinary"


async def test_an_organization_is_asked_with_the_admin_key_and_others_with_the_ordinary_one() -> (
    None
):
    profile = replace(COMPATIBLE, serves=frozenset({ORGANIZATION, THREADS}))
    upstream = Upstream(profile, "http://upstream.invalid/v1", credential=credential)
    wire = in_turn(Said(EMPTY))
    await wire.client(replace(upstream, admin_key="sk-admin")).send(PROJECTS)
    await wire.client(replace(upstream, admin_key="sk-admin")).send(READ)
    with pytest.raises(ToolError) as refused:
        await wire.client(upstream).send(PROJECTS)

    assert refused.value.code == "forbidden"
    assert "needs an admin key" in refused.value.message
    assert "BACKSCROLL_ADMIN_KEY" in refused.value.next_step
    assert '"admin"' in refused.value.next_step
    assert refused.value.retry == "safe, but pointless without the key."
    assert [request.headers["authorization"] for request in wire.asked] == [
        "Bearer sk-admin",
        "Bearer sk-ordinary",
    ]


@pytest.mark.parametrize(
    ("content", "kind", "expected"),
    [
        ("hi", "text/plain", {"text": "hi"}),
        ("\0", "image/png; a=b", {"text": "", "omitted": "image/png, 1 bytes"}),
        ("\0", None, {"text": "", "omitted": "application/octet-stream, 1 bytes"}),
    ],
)
async def test_the_content_of_a_file_is_its_text_or_its_type_and_size(
    content: str, kind: str | None, expected: JSON
) -> None:
    async def answer(_: httpx2.Request) -> httpx2.Response:
        headers = {} if kind is None else {"content-type": kind}
        return httpx2.Response(200, headers=headers, stream=httpx2.ByteStream(content.encode()))

    upstream = Upstream(replace(COMPATIBLE, serves=frozenset({FILES})), "http://upstream.invalid")
    assert await Wire(answer).client(upstream).send(file_content("file-1")) == expected


OF_ANOTHER = '{"data": [{"id": "msg_1", "object": "thread.message", "thread_id": "thread_2"}]}'
DELETION = requests.Request("DELETE", THREADS, "/threads/thread_1")
SESSION_MESSAGE = send_message("session_1", {"role": "user", "content": "a"}, "key-1")


async def test_a_reply_to_another_request_is_asked_for_again_unless_it_is_the_store_s() -> None:
    wire = in_turn(Said(OF_ANOTHER), Said(EMPTY))
    assert await wire.client(KEYLESS).send(READ) == json.loads(EMPTY)
    assert len(wire.asked) == 2
    assert await in_turn(Said(OF_ANOTHER)).client().send(READ) == json.loads(OF_ANOTHER)


@pytest.mark.parametrize(
    ("request_", "said", "expected"),
    [
        (DELETION, Said("", 204), {}),
        (DELETION, Said(""), {}),
        (
            DELETION,
            Said('{"id": "thread_1", "object": "thread.deleted", "deleted": true}'),
            {"id": "thread_1", "object": "thread.deleted", "deleted": True},
        ),
        (SESSION_MESSAGE, Said("", 202), {}),
        (SESSION_MESSAGE, Said("Accepted.", 200), {}),
    ],
)
async def test_what_is_confirmed_without_an_object_is_an_empty_one(
    request_: requests.Request, said: Said, expected: JSON
) -> None:
    wire = in_turn(said)
    profile = replace(COMPATIBLE, serves=frozenset({request_.group}))
    assert await wire.client(Upstream(profile, "http://u.invalid")).send(request_) == expected
    assert len(wire.asked) == 1


async def test_an_array_is_a_reply_only_to_a_request_for_one() -> None:
    numbered = msgspec.structs.replace(READ, dialect=BY_NUMBER)
    assert await in_turn(Said("[1]")).client(KEYLESS).send(numbered) == {ARRAY: [1]}
    with pytest.raises(ToolError, match="upstream_invalid"):
        await in_turn(Said("[1]")).client(KEYLESS).send(READ)


async def test_binary_content_is_replaced_only_in_a_reply_to_a_request_that_asks_for_it() -> None:
    image = "data:image/png;base64," + base64.b64encode(bytes(900)).decode()
    wire = in_turn(Said(json.dumps({"data": [{"id": "msg_1", "url": image}]})))
    whole = await wire.client(KEYLESS).send(READ)
    short = await wire.client(KEYLESS).send(READ.abridged())
    assert whole["data"] == [{"id": "msg_1", "url": image}]
    assert short["data"][0]["url"] == "[image/png, 900 bytes]"


async def test_reads_and_writes_have_connections_of_their_own() -> None:
    reads, writes = in_turn(Said(EMPTY)), in_turn(Said('{"id": "msg_1"}'))
    pools = [httpx2.AsyncClient(transport=wire) for wire in (reads, writes)]
    client = CallClient(Client(pools[0], EMBEDDED, pools[1]))
    await client.send(READ)
    await client.send(WRITE)
    assert [request.method for request in reads.asked] == ["GET"]
    assert [request.method for request in writes.asked] == ["POST"]


def test_a_pause_that_would_end_at_the_deadline_is_not_made() -> None:
    async def paused(retry_after_s: float) -> tuple[bool, float]:
        client = in_turn(Said(EMPTY)).client()
        error = unreachable("x", "unsent")
        error.retry_after_s = retry_after_s
        with anyio.move_on_after(10):
            return await client.pauses(error, 1), anyio.current_time()
        raise AssertionError

    assert clock.run(paused(9.5)) == (True, 9.5)
    assert clock.run(paused(10)) == (False, 0)


def test_pauses_grow_with_chance_and_are_never_made_after_the_last_attempt() -> None:
    async def paused(attempt: int) -> tuple[bool, float]:
        client = in_turn(Said(EMPTY)).client(chance=lambda: 1.0)
        return await client.pauses(unreachable("x", "unsent"), attempt), anyio.current_time()

    taken = [clock.run(paused(attempt)) for attempt in range(1, 6)]
    assert taken == [(True, 0.25), (True, 0.5), (True, 1), (True, 2), (False, 0)]


async def test_what_is_owed_is_sent_again_though_the_budget_is_spent() -> None:
    client = in_turn(Said(EMPTY)).client()
    error = unreachable("x", "unsent")
    while client.shared.budget.spend():
        pass
    assert not await client.pauses(error, 1)
    assert await client.pauses(error, 1, owed=True)


async def test_a_success_earns_a_part_of_a_retry() -> None:
    client = in_turn(Said(EMPTY)).client()
    client.shared.budget.left = 1.0
    await client.send(READ)
    assert client.shared.budget.left == pytest.approx(1.1)


async def never(_: httpx2.Request) -> httpx2.Response:
    await anyio.sleep_forever()
    raise AssertionError


@pytest.mark.parametrize(
    ("upstream", "request_"), [(EMBEDDED, READ), (EMBEDDED, WRITE), (KEYLESS, READ)]
)
def test_attempts_that_get_no_answer_take_half_of_what_is_left_and_the_third_all(
    upstream: Upstream, request_: requests.Request
) -> None:
    times: list[float] = []

    async def hang(request: httpx2.Request) -> httpx2.Response:
        times.append(anyio.current_time())
        return await never(request)

    async def send() -> float:
        with anyio.move_on_after(16):
            await Wire(hang).client(upstream).send(request_)
        return anyio.current_time()

    assert (clock.run(send()), times) == (16, [0, 8, 12])


@pytest.mark.parametrize("unsent", [0, 1, 2, 3])
def test_a_write_that_is_made_but_once_leaves_half_of_the_time_to_look_for_it(unsent: int) -> None:
    async def answer(request: httpx2.Request) -> httpx2.Response:
        if len(wire.asked) <= unsent:
            raise httpx2.ConnectError("")
        return await never(request)

    async def write() -> float:
        client = wire.client(KEYLESS)
        with anyio.fail_after(16), pytest.raises(ToolError, match="outcome_unknown"):
            await client.send(WRITE)
        assert client.in_doubt
        return anyio.current_time()

    wire = Wire(answer)
    assert clock.run(write()) == 8


def test_what_gets_no_answer_says_so() -> None:
    async def read() -> None:
        client = Wire(never).client()
        client.shared.budget.left = 0
        with anyio.fail_after(16), pytest.raises(UnreachableError) as failed:
            await client.send(READ)
        assert (failed.value.kind, failed.value.fate) == (NO_ANSWER, "unknown")
        assert failed.value.message == "The upstream could not be reached (no answer in time)."

    clock.run(read())


def test_a_doubt_outlasts_a_read_that_is_cut_off() -> None:
    async def answer(request: httpx2.Request) -> httpx2.Response:
        return Said("", 502).response() if request.method == "POST" else await never(request)

    async def doubt() -> bool:
        client = Wire(answer).client(KEYLESS)
        with pytest.raises(ToolError, match="outcome_unknown"):
            await client.send(WRITE)
        with anyio.move_on_after(1):
            await client.send(READ)
        return client.in_doubt

    assert clock.run(doubt())


@pytest.mark.parametrize("request_", [READ, WRITE])
def test_a_write_that_is_cut_off_is_in_doubt_and_a_read_is_not(request_: requests.Request) -> None:
    async def answer(request: httpx2.Request) -> httpx2.Response:
        await request.extensions["trace"]("http11.send_request_headers.started", {})
        await anyio.sleep_forever()
        raise AssertionError

    async def cut_off() -> bool:
        client = Wire(answer).client()
        with anyio.move_on_after(1) as outer:
            outer.deadline = anyio.current_time() + 1
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.send, request_)
                await anyio.sleep(0.1)
                tasks.cancel_scope.cancel()
        return client.in_doubt

    assert clock.run(cut_off()) is (request_ is WRITE)


def test_a_write_that_waits_for_its_turn_until_it_is_cut_off_is_not_in_doubt() -> None:
    async def cut_off() -> tuple[bool, int]:
        wire = Wire(never)
        client = wire.client(KEYLESS)
        async with anyio.create_task_group() as tasks:
            for _ in range(OF_ONE):
                tasks.start_soon(CallClient(client.shared, 1).send, WRITE)
            await anyio.sleep(1)
            with anyio.move_on_after(8), contextlib.suppress(UnreachableError):
                await client.send(WRITE)
            tasks.cancel_scope.cancel()
        return client.in_doubt, len(wire.asked)

    assert clock.run(cut_off()) == (False, OF_ONE)


async def test_a_long_reply_is_read_like_any_other() -> None:
    items: JSON = {"data": [{"id": "msg_1", "text": "x" * 1_100_000}], "has_more": False}
    assert await in_turn(Said(json.dumps(items))).client().send(READ) == items


async def test_a_call_does_not_wait_beyond_its_end_for_a_long_reply_to_be_read() -> None:
    threads = anyio.to_thread.current_default_thread_limiter()
    ended = threading.Event()
    client = in_turn(Said(" " * 1_100_000)).client()
    async with anyio.create_task_group() as tasks:
        for _ in range(int(threads.total_tokens)):
            tasks.start_soon(anyio.to_thread.run_sync, ended.wait, limit_s(5))
        await anyio.wait_all_tasks_blocked()
        with anyio.move_on_after(0.1) as scope:
            await client.send(READ)
        ended.set()
    assert scope.cancelled_caught


async def test_writes_to_one_thread_wait_for_each_other_and_those_to_another_do_not() -> None:
    client = in_turn(Said(EMPTY)).client()
    order: list[str] = []

    async def write(thread: str, name: str) -> None:
        async with client.shared.alone(thread):
            order.append(f"{name} begins")
            await anyio.sleep(0.01)
            order.append(f"{name} ends")

    async with anyio.create_task_group() as tasks:
        for thread, name in (("one", "a"), ("one", "b"), ("other", "c")):
            tasks.start_soon(write, thread, name)
    assert order.index("c begins") < order.index("a ends") < order.index("b begins")


async def test_a_call_is_in_doubt_from_a_write_that_got_no_answer_to_one_that_did() -> None:
    wire = in_turn(Said(EMPTY), Said("", 502), Said(EMPTY), Said('{"id": "msg_1"}'))
    client = wire.client(KEYLESS)
    doubts = [client.in_doubt]
    for request in (READ, WRITE, READ, WRITE):
        with contextlib.suppress(ToolError):
            await client.send(request)
        doubts.append(client.in_doubt)
    assert doubts == [False, False, True, True, False]


@pytest.mark.parametrize(("request_", "asked"), [(WRITE, 2), (READ, 1)])
async def test_a_write_of_unknown_fate_is_settled_though_the_budget_is_spent(
    request_: requests.Request, asked: int
) -> None:
    wire = in_turn(Said("", 502))
    client = wire.client()
    client.shared.budget.left = 0.0
    with pytest.raises(ToolError):
        await client.send(request_)
    assert len(wire.asked) == asked


def test_requests_about_one_thread_leave_room_for_those_about_others() -> None:
    async def answer(request: httpx2.Request) -> httpx2.Response:
        if "thread_1" in request.url.path:
            await anyio.sleep_forever()
        return Said(EMPTY).response()

    async def read() -> int:
        wire = Wire(answer)
        client = wire.client()
        async with anyio.create_task_group() as tasks:
            for _ in range(40):
                tasks.start_soon(client.send, READ)
            await anyio.sleep(1)
            await client.send(requests.list_messages("thread_2", Slice(20, "desc")))
            tasks.cancel_scope.cancel()
        return len(wire.asked)

    assert clock.run(read()) == OF_ONE + 1
