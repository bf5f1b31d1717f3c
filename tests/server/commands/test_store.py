"""`backscroll store`, as its clients meet it."""

import json
import signal
import subprocess
from pathlib import Path

import httpx2
import pytest
from openai._constants import DEFAULT_CONNECTION_LIMITS
from starlette.applications import Starlette

from backscroll.commands.store.store_server import configuration
from tests.models.process import model_server
from tests.pace import limit_s
from tests.ports import free_port
from tests.server.command_line import COMMAND, backscroll, process, variables

WAIT_S = limit_s(30)
KEY = "sk-operator-0123456789"
UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade"}


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'x.db'}"


def test_the_store_keeps_an_idle_connection_longer_than_its_clients_do() -> None:
    # If both took equally long, a client could write to a connection that is just being closed.
    kept_by_client_s = DEFAULT_CONNECTION_LIMITS.keepalive_expiry

    assert kept_by_client_s is not None
    assert configuration(Starlette()).timeout_keep_alive > 2 * kept_by_client_s


@pytest.mark.parametrize(
    ("url", "flaw"),
    [
        ("ftp://models.example", "must start with https:// (or http://) and contain a host"),
        ("models.example/v1", "must start with https:// (or http://) and contain a host"),
        (
            f"https://user:{KEY}@models.example/v1",
            "must not contain credentials: set BACKSCROLL_MODEL_KEY instead",
        ),
        (
            "http://192.0.2.1:8000/v1",
            (
                "must use https: otherwise keys and messages would be sent unencrypted "
                "(BACKSCROLL_ALLOW_HTTP=true allows it)"
            ),
        ),
    ],
)
def test_a_model_server_that_cannot_be_used_is_refused_in_one_line(
    database: str, url: str, flaw: str
) -> None:
    done = backscroll(database, "store", "--forward", url)

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"backscroll: --forward {flaw}.\n"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_the_store_itself_is_refused_as_a_model_server(database: str, host: str) -> None:
    port = free_port()
    url = f"http://{host}:{port}/v1"

    done = process(database, "store", "--port", str(port), "--forward", url)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"backscroll: --forward {url} is the address of this store itself: give the base URL of a "
        "model server\n"
    )


async def test_a_recorder_says_where_it_is_and_logs_no_text_and_no_key(database: str) -> None:
    async with model_server() as model:
        arguments = ("--port", "0", "--forward", model.url, "--log-level", "info")
        with subprocess.Popen(  # noqa: ASYNC220 - nothing else runs on the event loop
            [*COMMAND, "store", *arguments, "--log-format", "json"],
            env=variables(database=database, model_key=KEY),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as command:
            assert command.stderr is not None
            said = [command.stderr.readline() for _ in range(4)]
            url = said[0].split()[4].removesuffix(",")
            async with httpx2.AsyncClient(base_url=url, timeout=WAIT_S) as client:
                body = {"model": "m", "input": "/say a canary"}
                refused = await client.get("/responses", headers=UPGRADE)
                reply = await client.post("/responses", json=body)
            asked = await model.last()
            command.send_signal(signal.SIGINT)
            logged = command.stderr.read()
            assert command.wait(WAIT_S) == 130

    found = reply.json()
    assert said[2] == (
        "It passes requests on to the model server, and records what OpenAI's API would keep "
        "(--record api):\n"
    )
    assert f'OpenAI(base_url="{url}").responses.create(' in said[3]
    assert asked["headers"]["authorization"] == f"Bearer {KEY}"
    assert KEY not in logged
    assert "canary" not in logged
    # A WebSocket is refused without a line: uvicorn would advise to install a package for it.
    assert refused.status_code == 426
    (line,) = [json.loads(line) for line in logged.splitlines()]
    assert line["logger"] == "backscroll.recorder"
    expected = {
        "outcome": "completed",
        "model": "m",
        "recorded": found["id"],
        "input_tokens": found["usage"]["input_tokens"],
        "output_tokens": found["usage"]["output_tokens"],
    }
    assert {name: line[name] for name in expected} == expected
    assert line["ms"] > 0
