"""A message is added to an agent session once, whatever the network does."""

from collections import Counter
from dataclasses import replace
from typing import Final

import httpx2
import pytest

from backscroll_tools.client.profiles import OPENAI, Profile
from backscroll_tools.models import JSON
from tests.faults.agents import CALLERS, COUNT, called
from tests.faults.figures import sized
from tests.loopback import NO_TLS
from tests.pace import limit_s, paced_s
from tests.upstreams.peculiar import peculiar
from tests.upstreams.sessions import SESSION, SESSION_ITEMS, agent_sessions

HURRIED: Final[Profile] = replace(
    OPENAI, looks_s=tuple(map(paced_s, (0.0, 0.01, 0.03))), underway_s=paced_s(1.0)
)
BETA: Final = {"OpenAI-Beta": "agents=v1"}


def _text(number: int) -> str:
    """Return the text of a message. Some texts of one agent are equal.

    Two agents cannot tell apart equal messages that they add at the same time, because the messages
    of a session have no metadata (docs/reliability.md).
    """
    return f"yes {number % CALLERS}" if number % 3 == 0 else f"message {number}"


async def _added(http: httpx2.AsyncClient, url: str) -> list[JSON]:
    """Return the messages that the session has got since it was begun."""
    items: list[JSON] = []
    query: dict[str, str | int] = {"order": "asc", "limit": 100}
    for _ in range(COUNT):
        reply = await http.get(f"{url}/agents/sessions/{SESSION}/items", params=query, headers=BETA)
        page = reply.raise_for_status().json()
        items += page["data"]
        if not page["has_more"]:
            break
        query["after"] = items[-1]["id"]
    return items[len(SESSION_ITEMS) :]


@pytest.mark.timeout(limit_s(sized(quick=30, long=1_800)))
async def test_each_message_is_added_to_a_session_once(seed: int) -> None:
    def arguments(number: int) -> JSON:
        own = {"idempotency_key": f"order-{number}"} if number % 3 == 0 else {}
        return {"thread_id": SESSION, "role": "user", "content": _text(number), **own}

    async with (
        httpx2.AsyncClient(verify=NO_TLS, timeout=limit_s(20)) as http,
        peculiar(agent_sessions(), http) as (url, _),
    ):
        port = int(url.removesuffix("/v1").rpartition(":")[2])
        tally = await called(port, seed, HURRIED, "create-message", arguments)
        added = await _added(http, url)

    told = {result["message"]["id"] for result in tally.results}
    assert {item["id"] for item in added} == told, f"seed {seed}"
    assert Counter(item["content"][0]["text"] for item in added) == Counter(
        map(_text, range(COUNT))
    ), f"seed {seed}"
    tally.said("create-message", "agent sessions", "0 twice, 0 lost")
