"""No caller gets the answer to another request, whatever a model server leaves on a connection."""

from collections import Counter
from http import HTTPStatus
from typing import Any, Final

import httpx2
import pytest

from tests.faults.surplus import KEEPING, KINDS, REPLYING, Kind, Surplus
from tests.loopback import NO_TLS
from tests.store.recorder.recording import recording_of

NAMES: Final = ("ada", "bob", "cyd")
TURNS: Final = 4

DETECTABLE: Final = sorted(set(KINDS) - {"surplus first"})
"""No client can detect a surplus answer between a request and its answer."""

REFUSED: Final = {204, 304, 404, HTTPStatus.BAD_GATEWAY}
"""The status of an answer without a text, and of one that was not taken."""


def text(reply: httpx2.Response) -> str | int:
    """Return the text of an answer; its status if it has none."""
    if reply.status_code != HTTPStatus.OK:
        return reply.status_code
    said: str = reply.json()["content"][0]["text"]["value"]
    return said


@pytest.mark.parametrize("asks", ["a list", "an answer"])
@pytest.mark.parametrize("kind", DETECTABLE)
async def test_what_an_answer_leaves_behind_answers_no_other_request(kind: Kind, asks: str) -> None:
    plan: list[Kind] = ["clean", kind, "clean", "clean", kind]
    wrong: list[Any] = []
    said: Counter[str | int] = Counter()
    async with (
        Surplus(plan).serving() as upstream,
        recording_of(upstream.url) as official,
        httpx2.AsyncClient(base_url=str(official.base_url), verify=NO_TLS) as caller,
    ):
        for number in range(TURNS):
            for name in NAMES:
                headers = {"Authorization": f"Bearer sk-{name}", "X-Request-Id": f"{number}"}
                if asks == "a list":
                    path = f"/models/{name}-{number}"
                    reply = await caller.get(path, headers=headers)
                else:
                    path = "/chat/completions"
                    body = {"model": "m", "messages": []}
                    reply = await caller.post(path, headers=headers, json=body)
                await upstream.late()
                found = text(reply)
                if isinstance(found, int):
                    said[found] += 1
                elif found != f"sk-{name} asked for {path}":
                    wrong.append((name, number, found))

    assert wrong == []
    assert set(said) <= REFUSED
    assert said.total() == {"greeting": 1}.get(kind, 0 if kind in REPLYING else 2)
    keys_of = {(one.connection, one.key) for one in upstream.asked}
    assert len({connection for connection, _ in keys_of}) == len(keys_of)  # a key to a connection
    assert (upstream.connections == len(NAMES)) is (kind in KEEPING)
