"""Any replica answers any request, because no state is kept between requests."""

from itertools import cycle
from pathlib import Path

from backscroll.commands.token.issuing import revoke
from backscroll.http.auth.callers import Caller
from backscroll.http.clients import KEPT, Clients
from backscroll.settings.model import Settings
from backscroll.upstream.connection import UpstreamConnection, upstream_of
from tests.http.serving import call, post, running


async def test_a_walk_and_a_repeated_write_go_on_at_another_replica(database_url: str) -> None:
    settings = Settings(database=database_url, http_auth="token")
    async with running(settings) as one, running(settings) as other:
        token = await one.token(partition="a")
        urls = cycle((one.url, other.url))
        write = {"role": "user", "content": "m", "idempotency_key": "once"}
        first = await call(next(urls), "create-message", token, **write)
        again = await call(next(urls), "create-message", token, **write)
        thread_id = first["structuredContent"]["thread_id"]
        for number in range(5):
            more = {"thread_id": thread_id, "role": "user", "content": f"m{number}"}
            await call(next(urls), "create-message", token, **more)
        read: list[str] = []
        arguments: dict[str, object] = {"thread_id": thread_id, "limit": 2, "order": "asc"}
        for _ in range(3):
            page = (await call(next(urls), "list-messages", token, **arguments))[
                "structuredContent"
            ]
            read += [message["text"] for message in page["messages"]]
            cursor = page["page"]["next_cursor"]
            arguments = {"thread_id": thread_id, "limit": 2, "cursor": cursor}

    assert again["structuredContent"] == first["structuredContent"]
    assert read == ["m", *(f"m{number}" for number in range(5))]


async def test_a_token_is_revoked_at_every_replica(database_url: str) -> None:
    settings = Settings(database=database_url, http_auth="token")
    async with (
        running(settings, token_kept_s=0.0) as one,
        running(settings, token_kept_s=0.0) as other,
    ):
        token = await one.token("ada")
        before = [await post(url, token=token) for url in (one.url, other.url)]
        await revoke(settings.database_url, "ada")
        after = [await post(url, token=token) for url in (one.url, other.url)]

    assert [response.status_code for response in before] == [200, 200]
    assert [response.status_code for response in after] == [401, 401]


async def test_each_caller_has_a_retry_budget_and_lanes_of_its_own(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'store.db'}")
    async with UpstreamConnection(settings, upstream_of(settings)) as connection:
        clients = Clients(settings, connection)
        ada = await clients.client(Caller("1", "ada"))
        bob = await clients.client(Caller("2", "bob", partition="b"))
        while ada.budget.spend():
            pass
        same = await clients.client(Caller("1", "ada"))
        for number in range(KEPT):
            await clients.client(Caller(f"x{number}", "x"))
        new = await clients.client(Caller("1", "ada"))

    assert same is ada
    assert bob.budget.spend()
    assert not same.budget.spend()
    assert new is not ada
    assert bob.upstream.headers == (("OpenAI-Project", "b"),)
