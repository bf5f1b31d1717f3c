"""The client tells failures apart by what they mean for the agent."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import anyio
import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request as WireRequest
from starlette.responses import Response
from starlette.routing import Route

from backscroll_tools.client import advice, failures, replies, requests
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.client import Client
from backscroll_tools.client.groups import (
    CHAT_COMPLETIONS,
    CONVERSATIONS,
    ORGANIZATION,
    THREADS,
    Group,
)
from backscroll_tools.client.profiles import COMPATIBLE, EMBEDDED, STORE, Profile, Upstream
from backscroll_tools.client.requests import Slice
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from tests.loopback import NO_TLS

READ = requests.list_messages("thread_1", Slice(20, "desc"))
WRITE = requests.create_message("thread_1", {"role": "user", "content": "secret"}, "key-1")


@asynccontextmanager
async def upstream(response: Response) -> AsyncIterator[tuple[CallClient, list[JSON]]]:
    """Yield a client of an upstream that answers everything alike, and what it was asked."""
    asked: list[JSON] = []

    async def answer(request: WireRequest) -> Response:
        asked.append(
            {
                "method": request.method,
                "path": request.url.path,
                "query": dict(request.query_params),
                "beta": request.headers.get("openai-beta"),
                "key": request.headers.get("idempotency-key"),
                "body": await request.body(),
            }
        )
        return response

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as http:
        yield CallClient(Client(http, EMBEDDED, reply_bytes=1_024, chance=lambda: 0.0)), asked


def error(
    status: int, code: str | None = None, message: str = "It failed.", **headers: str
) -> Response:
    body = {"error": {"message": message, "type": "x", "param": None, "code": code}}
    return Response(json.dumps(body), status, headers, "application/json")


async def test_a_read_asks_what_the_documents_say() -> None:
    async with upstream(Response('{"object":"list","data":[],"has_more":false}')) as (
        client,
        asked,
    ):
        window = Slice(5, "asc", "msg_1", (("run_id", "run_1"),))
        reply = await client.page(requests.list_messages("thread_1", window))
    assert reply == replies.Reply((), has_more=False)
    assert asked == [
        {
            "method": "GET",
            "path": "/v1/threads/thread_1/messages",
            "query": {"limit": "5", "order": "asc", "after": "msg_1", "run_id": "run_1"},
            "beta": "assistants=v2",
            "key": None,
            "body": b"",
        }
    ]


async def test_a_write_carries_its_idempotency_key() -> None:
    async with upstream(Response('{"id":"msg_1"}')) as (client, asked):
        assert await client.send(WRITE) == {"id": "msg_1"}
    assert asked == [
        {
            "method": "POST",
            "path": "/v1/threads/thread_1/messages",
            "query": {},
            "beta": "assistants=v2",
            "key": "key-1",
            "body": b'{"role":"user","content":"secret"}',
        }
    ]


@pytest.mark.parametrize(
    ("response", "code", "message", "next_step"),
    [
        (
            error(400, message="Bad limit."),
            "invalid_arguments",
            "Bad limit.",
            "Fix the problem described above, then call again.",
        ),
        (
            error(401, message="Incorrect key sk-1."),
            "auth_failed",
            "The upstream refused the key.",
            "Ask the operator to check BACKSCROLL_API_KEY.",
        ),
        (
            error(403),
            "forbidden",
            "The upstream denied access.",
            "Ask the operator for access to this upstream.",
        ),
        (
            error(404),
            "not_found",
            "It failed.",
            "Check the ids.",
        ),
        (
            error(429, **{"retry-after": "7"}),
            "rate_limited",
            "The upstream's rate limit was reached.",
            "Wait 7 s, then call again.",
        ),
        (
            error(429, **{"retry-after": "-1"}),
            "rate_limited",
            "The upstream's rate limit was reached.",
            "Wait, then call again.",
        ),
        (
            error(429, "insufficient_quota"),
            "quota_exceeded",
            "The upstream's quota is used up.",
            "Ask the operator to raise the quota of the upstream's account.",
        ),
        (
            error(400, message="Can't add messages to thread_1 while a run run_1 is active."),
            "thread_busy",
            "Can't add messages to thread_1 while a run run_1 is active.",
            "Wait until the run has ended.",
        ),
        (
            error(400, message="Thread thread_1 already has an active run run_1."),
            "thread_busy",
            "Thread thread_1 already has an active run run_1.",
            "Wait until the run has ended.",
        ),
        (
            error(400, "conversation_locked", "Locked."),
            "thread_busy",
            "Locked.",
            "Wait until the run has ended.",
        ),
        (
            error(500),
            "upstream_unavailable",
            "The upstream answered with HTTP status 500.",
            (
                "Call again in a few seconds. If this persists, check the ids: some proxies "
                "send 500 for a missing object."
            ),
        ),
        (
            error(422, message="a\nb " + "c" * 400),
            "invalid_arguments",
            "a b " + "c" * 296,
            "Fix the problem described above, then call again.",
        ),
        (
            Response("<html>nginx</html>", 502),
            "upstream_unavailable",
            "The upstream answered with HTTP status 502.",
            "Call again in a few seconds.",
        ),
        (
            Response('{"detail":"x"}', 418),
            "upstream_invalid",
            "The upstream answered with HTTP status 418.",
            "Ask the operator to check BACKSCROLL_BASE_URL.",
        ),
        (
            Response("", 302, {"location": "http://elsewhere.invalid/"}),
            "upstream_invalid",
            "The upstream answered with HTTP status 302.",
            "Ask the operator to check BACKSCROLL_BASE_URL.",
        ),
        (
            Response("[1]"),
            "upstream_invalid",
            "The upstream's reply is not a JSON object.",
            "Ask the operator to check BACKSCROLL_BASE_URL.",
        ),
        (
            Response('{"data": NaN}'),
            "upstream_invalid",
            "The upstream's reply is not a JSON object.",
            "Ask the operator to check BACKSCROLL_BASE_URL.",
        ),
        (
            Response(b'{"data": "\xff"}'),
            "upstream_invalid",
            "The upstream's reply is not a JSON object.",
            "Ask the operator to check BACKSCROLL_BASE_URL.",
        ),
        (
            Response('{"data": 1}'),
            "upstream_invalid",
            "The upstream's list reply has no `data` array.",
            "Ask the operator to check BACKSCROLL_BASE_URL.",
        ),
    ],
)
async def test_a_failed_read_says_what_it_means(
    response: Response, code: str, message: str, next_step: str
) -> None:
    async with upstream(response) as (client, _):
        # A pause that the upstream asks for ends beyond this deadline, so that none is made.
        with pytest.raises(ToolError) as failed, anyio.fail_after(5):
            await client.page(READ)
    assert (failed.value.code, failed.value.message, failed.value.next_step) == (
        code,
        message,
        next_step,
    )


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_write_that_may_have_been_acted_on_has_an_unknown_outcome(status: int) -> None:
    async with upstream(error(status)) as (client, _):
        with pytest.raises(ToolError) as failed:
            await client.send(WRITE)
    assert failed.value.render() == (
        "outcome_unknown: The upstream's reply to the write was lost: the message may have been "
        "written.\n"
        'Next: Call create-message again with the same arguments and idempotency_key "key-1".\n'
        "Retry: not safe with a new idempotency_key: the message may have been written. Safe with "
        "the same idempotency_key."
    )


async def test_an_upstream_that_cannot_be_dialled_was_never_asked_to_write() -> None:
    async with httpx2.AsyncClient(verify=NO_TLS) as http:
        nowhere = Upstream(STORE, "http://127.0.0.1:1/v1")
        client = CallClient(Client(http, nowhere, chance=lambda: 0.0))
        with pytest.raises(ToolError) as failed:
            await client.send(WRITE)
    assert isinstance(failed.value, failures.UnreachableError)
    assert (failed.value.kind, failed.value.fate, failed.value.again) == (
        *("ConnectError", "unsent"),
        True,
    )
    assert failed.value.render() == (
        "upstream_unavailable: The upstream could not be reached (ConnectError).\n"
        "Next: Call again in a few seconds; if this persists, ask the operator to check the "
        "upstream.\n"
        "Retry: safe; nothing was written."
    )


@pytest.mark.parametrize(("wait_s", "when"), [(0.0, ""), (0.1, " in 1 s"), (359.2, " in 360 s")])
def test_an_unknown_outcome_says_when_to_call_again(wait_s: float, when: str) -> None:
    error = failures.outcome_unknown("key-1", wait_s)
    assert (error.fate, error.again, error.next_step) == (
        "unknown",
        False,
        f'Call create-message again{when} with the same arguments and idempotency_key "key-1".',
    )


async def test_one_object_that_is_not_there_is_none() -> None:
    async with upstream(error(404)) as (client, _):
        assert await client.find(READ) is None
    async with upstream(error(401)) as (client, _):
        with pytest.raises(ToolError, match="auth_failed"):
            await client.find(READ)


async def test_a_body_over_the_cap_is_refused() -> None:
    async with upstream(Response("x" * 1025)) as (client, _):
        with pytest.raises(ToolError, match=r"upstream_invalid: The upstream's reply is larger"):
            await client.send(READ)


@pytest.mark.parametrize(
    "wrong", ["", ".", "..", "a/b", "a%2fb", "a b", "a\n", "-a", ".a", "é", "x" * 257, "a?b", "a#b"]
)
def test_nothing_but_an_id_reaches_a_path(wrong: str) -> None:
    with pytest.raises(ToolError, match="invalid_arguments: thread_id is not an id"):
        requests.list_messages(wrong, Slice(20, "desc"))


def test_neither_a_key_nor_a_text_shows_in_a_repr() -> None:
    profile = Upstream(STORE, "https://a.example", (("Authorization", "Bearer sk-1"),))
    assert "sk-1" not in repr(profile)
    assert "secret" not in repr(WRITE)


@pytest.mark.parametrize(
    ("status", "headers", "fate"),
    [
        (400, {}, "refused"),
        (404, {}, "refused"),
        (408, {}, "refused"),
        (409, {}, "refused"),
        (425, {}, "refused"),
        (429, {}, "refused"),
        (302, {}, "refused"),
        (501, {}, "refused"),
        (503, {"retry-after": "1"}, "refused"),
        (503, {"retry-after": "0"}, "unknown"),
        (500, {}, "unknown"),
        (502, {}, "unknown"),
        (503, {}, "unknown"),
        (504, {}, "unknown"),
    ],
)
def test_an_answer_tells_if_a_request_can_have_been_acted_on(
    status: int, headers: dict[str, str], fate: str
) -> None:
    assert failures.failure(STORE, status, headers, b"", now=0.0).fate == fate


async def test_what_is_refused_for_now_is_unavailable_and_not_invalid() -> None:
    for status in (408, 425):
        async with upstream(error(status)) as (client, asked):
            with pytest.raises(ToolError) as failed:
                await client.send(WRITE)
        assert (failed.value.code, len(asked)) == ("upstream_unavailable", 5)


async def test_a_used_up_quota_is_never_asked_again() -> None:
    async with upstream(error(429, "insufficient_quota")) as (client, asked):
        with pytest.raises(ToolError, match="quota_exceeded"):
            await client.send(READ)
    assert len(asked) == 1


async def test_a_pause_beyond_the_deadline_is_not_made() -> None:
    async with upstream(error(429, **{"retry-after": "60"})) as (client, asked):
        started = anyio.current_time()
        with pytest.raises(ToolError, match="rate_limited"), anyio.fail_after(30):
            await client.send(READ)
        assert anyio.current_time() - started < 5
    assert len(asked) == 1


async def test_an_outage_gets_ten_retries_from_all_calls_together() -> None:
    async with upstream(error(503)) as (client, asked):
        for _ in range(20):
            with pytest.raises(ToolError, match="upstream_unavailable"):
                await client.send(READ)
    assert len(asked) == 20 + 10


@pytest.mark.parametrize(
    ("answer", "code", "next_step"),
    [
        (
            error(409, "idempotency_key_in_use", "The first request is still at work."),
            "thread_busy",
            "Call again in a few seconds with the same idempotency_key.",
        ),
        (
            error(410, "idempotent_object_deleted", "What this key made was deleted since."),
            "not_found",
            "To write the deleted message again, call with another idempotency_key.",
        ),
    ],
)
async def test_what_the_store_says_of_a_key_tells_what_to_do_with_it(
    answer: Response, code: str, next_step: str
) -> None:
    async with upstream(answer) as (client, _):
        with pytest.raises(ToolError) as raised:
            await client.send(WRITE)

    said = json.loads(bytes(answer.body))["error"]["message"]
    assert (str(raised.value), raised.value.next_step) == (f"{code}: {said}", next_step)


def database_error(code: str) -> bytes:
    return json.dumps({"error": {"message": f"Why: {code}.", "code": code}}).encode()


@pytest.mark.parametrize(
    ("code", "again"),
    [
        ("database_busy", True),
        ("database_unavailable", True),
        ("database_full", False),
        ("database_damaged", False),
        ("database_of_days_to_come", False),
    ],
)
@pytest.mark.parametrize("status", [500, 503, 507])
def test_the_store_that_says_that_nothing_was_written_is_believed_and_quoted(
    code: str, status: int, *, again: bool
) -> None:
    error = failures.failure(STORE, status, {}, database_error(code), now=0.0)

    assert (error.code, error.message) == ("upstream_unavailable", f"Why: {code}.")
    assert (error.fate, error.again) == ("refused", again)
    assert error.retry == (
        "safe; nothing was written."
        if again
        else "safe, but pointless until the database is fixed; nothing was written."
    )


def test_another_upstream_that_names_a_database_is_quoted_and_not_believed() -> None:
    error = failures.failure(COMPATIBLE, 500, {}, database_error("database_full"), now=0.0)
    assert (error.fate, error.message) == ("unknown", "Why: database_full.")


def test_a_store_that_quotes_the_key_is_not_quoted() -> None:
    error = failures.failure(STORE, 503, {}, database_error("database_x"), "database_x", now=0.0)
    assert error.message == "The upstream answered with HTTP status 503."


@pytest.mark.parametrize(
    ("group", "tools"),
    [
        (THREADS, ("list-threads",)),
        (CHAT_COMPLETIONS, ("list-chat-completions",)),
        (CONVERSATIONS, ()),
        (None, ()),
    ],
)
def test_an_unknown_id_names_the_tools_that_show_what_exists(
    group: Group | None, tools: tuple[str, ...]
) -> None:
    missing = b'{"error": {"message": "No such object."}}'
    error = failures.failure(STORE, 404, {}, missing, now=0.0, group=group)
    assert (error.code, error.shown_by) == ("not_found", tools)
    other = failures.failure(STORE, 400, {}, missing, now=0.0, group=group)
    assert (other.code, other.shown_by) == ("invalid_arguments", ())


@pytest.mark.parametrize(
    ("status", "group", "next_step"),
    [
        (401, ORGANIZATION, "Ask the operator to check BACKSCROLL_ADMIN_KEY."),
        (401, THREADS, "Ask the operator to check BACKSCROLL_API_KEY."),
        (
            403,
            ORGANIZATION,
            "Ask the operator for an admin key (BACKSCROLL_ADMIN_KEY) with access to this.",
        ),
        (403, THREADS, "Ask the operator for access to this upstream."),
        (404, ORGANIZATION, "Check the ids."),
    ],
)
def test_a_refusal_names_the_key_that_was_sent(status: int, group: Group, next_step: str) -> None:
    body = b'{"error": {"message": "No."}}'
    error = failures.failure(STORE, status, {}, body, now=0.0, group=group)
    assert error.next_step == next_step


@pytest.mark.parametrize(
    ("status", "code", "reuses_key", "retry"),
    [
        (422, "idempotency_key_reused", True, "safe without this idempotency_key"),
        (410, "idempotent_object_deleted", False, "safe without this idempotency_key"),
        (409, "idempotency_key_in_use", False, "safe"),
    ],
)
def test_a_key_that_cannot_be_used_again_is_told_apart(
    status: int, code: str, reuses_key: bool, retry: str
) -> None:
    body = json.dumps({"error": {"message": "No.", "code": code}}).encode()
    error = failures.failure(STORE, status, {}, body, now=0.0)
    assert error.reuses_key is reuses_key
    assert error.retry.partition(";")[0] == retry


@pytest.mark.parametrize(
    ("status", "code", "again"),
    [
        (408, None, True),
        (409, None, True),
        (425, None, True),
        (429, None, True),
        (429, "insufficient_quota", False),
        (500, None, True),
        (501, None, False),
        (502, None, True),
        (503, None, True),
        (504, None, True),
        (505, None, False),
        (400, None, False),
        (404, None, False),
    ],
)
def test_a_status_tells_if_the_same_request_may_succeed(
    status: int, code: str | None, again: bool
) -> None:
    body = json.dumps({"error": {"message": "No.", "code": code}}).encode()
    error = failures.failure(STORE, status, {"retry-after": "3"}, body, now=0.0)
    assert (error.again, error.retry_after_s) == (again, 3)


@pytest.mark.parametrize(
    ("code", "again", "attempts", "advises"),
    [
        ("database_busy", True, 2, "which program has locked the database"),
        ("database_unavailable", True, 5, "Call again in a few seconds."),
        ("database_full", False, 5, "backscroll doctor"),
    ],
)
def test_a_locked_database_is_asked_twice_and_a_pause_that_the_store_asks_for_is_made(
    code: str, again: bool, attempts: int, advises: str
) -> None:
    error = failures.failure(STORE, 503, {"retry-after": "3"}, database_error(code), now=0.0)
    assert (error.again, error.attempts, error.retry_after_s) == (again, attempts, 3)
    assert advises in error.next_step


WITHOUT_THREADS = replace(COMPATIBLE, serves=frozenset({CONVERSATIONS}))


@pytest.mark.parametrize(
    ("profile", "endpoint", "advised"),
    [
        (COMPATIBLE, "GET /threads/{id}/messages", True),
        (COMPATIBLE, "GET /threads/{id}/messages/{id}", False),
        (COMPATIBLE, "GET /files", False),
        (WITHOUT_THREADS, "GET /threads/{id}/messages/{id}", True),
        (WITHOUT_THREADS, "GET /files", False),
    ],
)
def test_an_upstream_that_lacks_threads_comes_with_the_advice_of_its_kind(
    profile: Profile, endpoint: str, advised: bool
) -> None:
    error = failures.not_served(profile, endpoint)
    assert error.code == "upstream_retired"
    assert endpoint in error.message
    assert error.next_step == (profile.advice if advised else advice.ASK)


async def test_a_reply_to_another_request_names_the_setting_to_check() -> None:
    def answer(_: httpx2.Request) -> httpx2.Response:
        row = {"id": "msg_1", "object": "thread.message", "thread_id": "thread_2"}
        return httpx2.Response(200, stream=httpx2.ByteStream(json.dumps({"data": [row]}).encode()))

    elsewhere = Upstream(COMPATIBLE, "http://upstream.invalid/v1")
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
        client = CallClient(Client(http, elsewhere, chance=lambda: 0.0))
        with pytest.raises(failures.ExchangeError) as failed:
            await client.send(READ)
    error = failed.value
    assert (error.code, error.fate, error.again) == ("upstream_invalid", "unknown", True)
    assert "belongs to another request" in error.message
    assert "BACKSCROLL_BASE_URL" in error.next_step


def test_a_reply_that_is_too_large_comes_with_its_ends_if_they_were_read() -> None:
    short = failures.too_large(1024 * 1024)
    assert (short.code, short.fate, short.too_large) == ("upstream_invalid", "unknown", True)
    assert (short.head, short.tail, short.size) == (b"", b"", 0)
    whole = failures.too_large(1024 * 1024, b"head", b"tail", 2 * 1024 * 1024)
    assert (whole.head, whole.tail, whole.size) == (b"head", b"tail", 2 * 1024 * 1024)
    assert "larger than 1 MiB" in whole.message
