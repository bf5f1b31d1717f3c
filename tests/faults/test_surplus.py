"""No caller gets the reply to another request, whatever bytes are left on a connection."""

import asyncio
import random
import ssl
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from backscroll.http.auth.callers import Caller
from backscroll.http.clients import Clients
from backscroll.settings.model import Settings
from backscroll.upstream.connection import UpstreamConnection, upstream_of_callers
from backscroll_tools.client.client import Client
from backscroll_tools.errors import ToolError
from backscroll_tools.tool import Result
from tests.faults.figures import record, sized
from tests.faults.surplus import KEEPING, KINDS, REPLYING, Kind, Surplus
from tests.faults.upstream import call
from tests.http.certificates import new_certificate
from tests.http.serving import call as call_over_http
from tests.http.serving import running, settings_of, text_of

NAMES: Final = ("ada", "bob", "cyd", "dee", "eve")
REPLIES: Final = sized(quick=150, long=10_000)
SEED: Final = 20_261_127
ODD: Final = 0.5  # the part of the replies that are not what they should be


class Callers:
    """Five callers with keys of their own, as a server has them."""

    def __init__(self, upstream: Surplus) -> None:
        self.settings = Settings(
            upstream="compatible", base_url=upstream.url, http_auth="token", database=""
        )
        shared = upstream_of_callers(self.settings)
        self.connection = UpstreamConnection(self.settings, shared)
        keys = {f"{name.upper()}_KEY": f"sk-{name}" for name in NAMES}
        self._clients = Clients(self.settings, self.connection, keys)

    async def client(self, name: str) -> Client:
        """Return one's client."""
        return await self._clients.client(Caller(name, name, key_variable=f"{name.upper()}_KEY"))

    async def read(self, name: str, number: int) -> Result | ToolError:
        """Read a message that nobody else reads."""
        arguments = {"thread_id": f"thread_{name}", "message_id": f"msg_{number}"}
        return await call(await self.client(name), "get-message", arguments, 20)


def expected(name: str, number: int) -> str:
    return f"sk-{name} asked for /threads/thread_{name}/messages/msg_{number}"


def text(outcome: Result | ToolError) -> str:
    if isinstance(outcome, ToolError):
        return outcome.code
    message = outcome.structured["message"]
    said: str = message["text"]
    return said


@pytest.fixture(params=["plain", "TLS"])
def tls(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ssl.SSLContext | None:
    """What encrypts an upstream's connections, and is trusted here."""
    if request.param == "plain":
        return None
    cert, key = new_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return context


@pytest.mark.parametrize("kind", KINDS)
async def test_what_a_reply_leaves_behind_answers_no_other_request(
    kind: Kind, tls: ssl.SSLContext | None
) -> None:
    sent: list[Kind] = ["clean", kind, "clean", "clean", kind]
    async with Surplus(sent, tls=tls).serving() as upstream:
        callers = Callers(upstream)
        async with callers.connection:
            outcomes: dict[tuple[str, int], str] = {}
            for number in range(4):
                for name in NAMES[:3]:
                    outcomes[name, number] = text(await callers.read(name, number))
                    await upstream.late()

    wanted = {(name, number): expected(name, number) for name, number in outcomes}
    differing = {asked for asked, said in outcomes.items() if said != wanted[asked]}
    assert {outcomes[asked] for asked in differing} <= {"not_found", "upstream_invalid"}
    # After a 404, the message is looked up in the list, and one of the two is found there.
    differ = 0 if kind in REPLYING else 1 if kind == "404 and surplus" else 2
    assert len(differing) == differ
    keys_of = Counter({(one.connection, one.key) for one in upstream.asked})
    assert len({connection for connection, _ in keys_of}) == len(keys_of)  # a key to a connection
    assert (upstream.connections == 3) is (kind in KEEPING)


async def test_three_callers_of_a_server_each_get_their_own_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        monkeypatch.setenv(f"{name.upper()}_KEY", f"sk-{name}")
    async with Surplus(["surplus"]).serving() as upstream:
        settings = settings_of(
            tmp_path, upstream="compatible", base_url=upstream.url, http_auth="token"
        )
        async with running(settings) as server:
            tokens = {
                name: await server.token(name, key_variable=f"{name.upper()}_KEY")
                for name in NAMES[:3]
            }
            said = [
                (
                    text_of(
                        await call_over_http(
                            server.url,
                            "get-message",
                            tokens[name],
                            thread_id=f"thread_{name}",
                            message_id=f"msg_{number}",
                        )
                    ),
                    expected(name, number),
                )
                for number in range(4)
                for name in NAMES[:3]
            ]

    assert [wanted in got for got, wanted in said] == [True] * 12


@pytest.mark.timeout(sized(quick=60, long=1800))
async def test_ten_thousand_replies_reach_those_who_asked_for_them() -> None:
    chance = random.Random(SEED)
    plan: list[Kind] = [
        chance.choice(KINDS) if chance.random() < 0.5 else "clean" for _ in range(REPLIES * 3)
    ]
    async with Surplus(plan, late_s=0.001).serving() as upstream:
        callers = Callers(upstream)
        outcomes: Counter[str] = Counter()

        async def read_on(name: str) -> None:
            own = random.Random(f"{SEED} {name}")
            number = 0
            while len(upstream.asked) < REPLIES:
                number += 1
                outcome = await callers.read(name, number)
                said = text(outcome)
                (await callers.client(name)).budget.left = 10.0
                if isinstance(outcome, Result):
                    said = "right" if said == expected(name, number) else "wrong"
                outcomes[said] += 1
                await asyncio.sleep(own.choice((0, 0, 0.0005, 0.001, 0.002)))

        async with callers.connection, asyncio.TaskGroup() as group:
            for name in NAMES:
                group.create_task(read_on(name))

    keys_of = {(one.connection, one.key) for one in upstream.asked}
    assert outcomes["wrong"] == 0, outcomes
    assert len({connection for connection, _ in keys_of}) == len(keys_of)
    assert outcomes["right"] > REPLIES * 0.6, outcomes
    assert upstream.connections < len(upstream.asked) * 0.7  # most are used again
    record(
        "Surplus, late, partial and trailing bytes, five callers",
        f"0 wrong of {len(upstream.asked):,} replies ({outcomes['right']:,} calls answered; "
        f"{upstream.connections:,} connections)",
    )
