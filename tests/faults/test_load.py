"""Many clients at once all get their answers."""

from pathlib import Path

from tests.faults.loading import load
from tests.http.serving import ERAS, call, raw, running, settings_of

CLIENTS = 200


async def test_two_hundred_clients_at_once_get_every_page(tmp_path: Path) -> None:
    async with running(settings_of(tmp_path)) as server:
        made = await call(server.url, "create-message", role="user", content="one")
        arguments = {"thread_id": made["structuredContent"]["thread_id"]}
        for era in ERAS:
            request = raw("tools/call", {"name": "list-messages", "arguments": arguments}, era)
            found = await load(server.port, request, CLIENTS, 0.5)

            assert found.errors == []
            assert len(found.seconds) >= CLIENTS
