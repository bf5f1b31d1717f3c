"""Random requests get a right status, take nothing down, and find nothing of others."""

import asyncio
import json
import re
import socket
from collections import Counter
from pathlib import Path
from typing import Any, Final

import httpx2
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from backscroll.store.app import open_store
from tests import loopback
from tests.faults.figures import record, sized
from tests.faults.store_document import document
from tests.http.serving import ERAS, call, headers, message, running, settings_of
from tests.loopback import NO_TLS
from tests.pace import limit_s
from tests.store.wire import new_conversation, new_thread

REQUESTS: Final = sized(quick=75, long=10_000)
BETA: Final = {"OpenAI-Beta": "assistants=v2"}
OPERATIONS: Final = 28
CANARY: Final = "canary text 77d0e3"
STORE_STATUSES: Final = {200, 400, 404, 405, 409, 413, 415, 422}
HTTP_STATUSES: Final = {200, 202, 400, 401, 403, 404, 405, 406, 408, 413, 415, 421, 429}
WAIT_S: Final = limit_s(20)
"""How long a response may be waited for; a request that comes too slowly is given up before."""

HOSTILE: Final = settings(
    max_examples=REQUESTS,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def said(statuses: Counter[int]) -> str:
    counts = ", ".join(f"{count:,} × {status}" for status, count in sorted(statuses.items()))
    return f"{statuses.total():,} requests: {counts}; 0 crashes, 0 data of others"


async def a_stranger(api: httpx2.AsyncClient) -> list[str]:
    """Write what is in another partition, and return the ids of that."""
    api.headers["OpenAI-Project"] = "another"
    thread_id = await new_thread(api, (CANARY,))
    conversation_id = await new_conversation(api, (CANARY,))
    del api.headers["OpenAI-Project"]
    return [thread_id, conversation_id]


async def test_the_store_answers_random_requests_with_a_right_status(tmp_path: Path) -> None:
    statuses: Counter[int] = Counter()
    async with (
        open_store(f"sqlite:///{tmp_path / 'store.db'}") as store,
        loopback.served(store.app) as origin,
        httpx2.AsyncClient(
            verify=NO_TLS, base_url=f"{origin}/v1", headers=BETA, timeout=WAIT_S
        ) as api,
    ):
        others = await a_stranger(api)
        thread_id = await new_thread(api, ("mine",))
        conversation_id = await new_conversation(api, ("mine",))
        (mine,) = (await api.get(f"/threads/{thread_id}/messages")).json()["data"]
        known = {
            "thread_id": [thread_id, others[0]],
            "message_id": [mine["id"]],
            "conversation_id": [conversation_id, others[1]],
            "item_id": ["msg_1"],
            "completion_id": ["chatcmpl-1"],
            "response_id": ["resp_1"],
            "assistant_id": ["asst_1"],
        }
        operations = schemathesis.openapi.from_dict(document(known)).get_all_operations()
        cases: list[st.SearchStrategy[Case[Any]]] = [
            found.ok().as_strategy(generation_mode=mode)
            for found in operations
            if isinstance(found, Ok)
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        ]
        assert len(cases) == 2 * OPERATIONS

        @HOSTILE
        @given(case=st.one_of(cases))
        def ask(case: Case[Any]) -> None:
            response = case.call(base_url=f"{origin}/v1", headers=BETA, timeout=WAIT_S)
            statuses[response.status_code] += 1
            assert response.status_code in STORE_STATUSES, response.content
            assert CANARY.encode() not in response.content

        await asyncio.to_thread(ask)
        assert (await api.get(f"/threads/{thread_id}/messages")).status_code == 200

    record("random requests to the store (schemathesis)", said(statuses))


HEADERS: Final = st.dictionaries(
    st.sampled_from(
        (
            *("accept", "authorization", "content-type", "host", "mcp-method", "mcp-name"),
            *(
                "mcp-protocol-version",
                "mcp-session-id",
                "origin",
                "x-request-id",
                "transfer-encoding",
            ),
        )
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40)
    | st.sampled_from(("*/*", "localhost", "null", "chunked", "2024-11-05", "2099-01-01")),
    max_size=2,
)
ANYTHING: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
METHODS: Final = st.sampled_from(
    ("tools/call", "tools/call", "tools/list", "initialize", "server/discover", "ping", "nothing")
)
PATHS: Final = st.sampled_from(
    ("/mcp", "/mcp", "/mcp", "/mcp/", "/", "/metrics", "/healthz", "/mcp?read_only=true")
) | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20).map("/".__add__)


@st.composite
def requests(draw: st.DrawFn, token: str, stranger: dict[str, str]) -> bytes:
    """Draw a request as bytes: one that a client could send, with something wrong or odd in it."""
    era, method = draw(st.sampled_from(ERAS)), draw(METHODS)
    ids = st.sampled_from([*stranger.values(), "thread_1", "../x", ""]) | ANYTHING
    names = st.sampled_from(("thread_id", "message_id", "cursor", "limit", "content", "role"))
    params = {
        "name": draw(st.sampled_from(("list-messages", "get-message", "create-message", "none"))),
        "arguments": draw(st.dictionaries(names, ids, max_size=4) | ANYTHING),
    }
    sent = message(method, params, era, draw(st.integers() | st.text(max_size=8) | ANYTHING))
    sent |= draw(st.dictionaries(st.sampled_from(("jsonrpc", "params", "id", "x")), ANYTHING))
    body = json.dumps(sent).encode()
    body = draw(st.sampled_from((body, body, body, body[:-3], b"[" + body + b"]")) | st.binary())
    given = headers(method, params, era, draw(st.sampled_from((token, token, "", "bks_wrong"))))
    given |= {"host": "localhost", "connection": "close", "content-length": str(len(body))}
    given |= draw(HEADERS)
    verb = draw(
        st.sampled_from(("POST", "POST", "POST", "POST", "GET", "DELETE", "OPTIONS", "PUT"))
    )
    lines = [f"{verb} {draw(PATHS)} HTTP/1.1", *(f"{name}: {one}" for name, one in given.items())]
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


def answer(port: int, request: bytes) -> bytes:
    """Send a request and return all that comes back until the connection ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as connection:
        reply = bytearray()
        try:
            connection.sendall(request)
            while chunk := connection.recv(65_536):
                reply += chunk
        except ConnectionError:  # refused before it had been read to its end
            pass
        return bytes(reply)


async def test_the_server_answers_random_requests_with_a_right_status(tmp_path: Path) -> None:
    statuses: Counter[int] = Counter()
    limits = {"http_receive_s": 0.2, "http_caller_rate": 100_000}
    async with running(settings_of(tmp_path, http_auth="token", **limits)) as server:
        ada = await server.token("ada", partition="ada")
        eve = await server.token("eve", partition="eve")
        made = await call(server.url, "create-message", ada, role="user", content=CANARY)
        thread_id = made["structuredContent"]["thread_id"]
        message_id = made["structuredContent"]["message"]["id"]
        stranger = {"thread_id": thread_id, "message_id": message_id}

        @HOSTILE
        @given(request=requests(eve, stranger))
        def ask(request: bytes) -> None:
            reply = answer(server.port, request)
            found = re.match(rb"HTTP/1\.1 (\d{3}) ", reply)
            assert found, (request, reply)
            statuses[int(found[1])] += 1
            assert int(found[1]) in HTTP_STATUSES, (request, reply)
            assert CANARY.encode() not in reply

        await asyncio.to_thread(ask)
        read = await call(server.url, "list-messages", ada, thread_id=thread_id)

    assert [one["text"] for one in read["structuredContent"]["messages"]] == [CANARY]
    record("random requests to the server over HTTP", said(statuses))
