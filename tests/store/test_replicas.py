"""Replicas over one PostgreSQL: as one store, in what they write and in what they show."""

import asyncio
from typing import Any

import asyncpg
import httpx2
from sqlalchemy import Connection, Engine, event, func, select

from backscroll.database.opening import open_database
from backscroll.store.threads import insert_thread
from tests.store.replicas import client, rows
from tests.store.wire import error, new_thread, page, texts

BODY = {"role": "user", "content": "once"}
KEY = {"Idempotency-Key": "key"}


async def test_a_key_whose_first_request_is_still_at_work_is_answered_409(
    shared: str,
) -> None:
    async with client(shared, lock_s=0.05) as api:
        url = f"/threads/{await new_thread(api)}/messages"
        turn = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
        first = await asyncpg.connect(shared)
        async with first.transaction():
            await first.execute(turn, "backscroll\nkey\n\nkey")
            refused = await api.post(url, json=BODY, headers=KEY)
        await first.close()
        assert error(refused, 409)["code"] == "idempotency_key_in_use"
        assert int(refused.headers["retry-after"]) >= 1
        assert (await api.post(url, json=BODY, headers=KEY)).status_code == 200
        assert texts(await page(api, url)) == ["once"]


async def test_requests_at_once_with_one_key_write_once_whichever_replica_they_reach(
    shared: str,
) -> None:
    async with client(shared) as first, client(shared) as second:
        url = f"/threads/{await new_thread(first)}/messages"
        replicas = (first, second)
        replies = await asyncio.gather(
            *(replicas[at % 2].post(url, json=BODY, headers=KEY) for at in range(30))
        )
        assert {reply.status_code for reply in replies} == {200}
        assert len({reply.content for reply in replies}) == 1
        assert texts(await page(second, url)) == ["once"]
        bodies = [{"role": "user", "content": str(at)} for at in range(30)]
        replies = await asyncio.gather(
            *(
                replicas[at % 2].post(url, json=body, headers={"Idempotency-Key": "other"})
                for at, body in enumerate(bodies)
            )
        )
        assert sorted(reply.status_code for reply in replies) == [200, *[422] * 29]
        threads = await asyncio.gather(
            *(replica.post("/threads", json={}, headers=KEY | {"X": "1"}) for replica in replicas)
        )
        assert [reply.status_code for reply in threads] == [422, 422]


async def test_what_is_made_first_is_listed_first_however_long_its_commit_takes(
    shared: str,
) -> None:
    async with client(shared) as api, open_database(shared, "store") as slow:
        begun = asyncio.Event()

        def lingering(*arguments: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event has six
            if "pg_sleep" in arguments[2]:
                begun.set()

        def work(connection: Connection) -> None:
            insert_thread(connection, {"id": "thread_slow", "partition": "", "created_at": 1}, 1)
            connection.execute(select(func.pg_sleep(0.3)))

        event.listen(Engine, "before_cursor_execute", lingering)
        writing = asyncio.create_task(slow.write(work))
        await begun.wait()
        event.remove(Engine, "before_cursor_execute", lingering)
        quick = await new_thread(api)
        # A reader that now goes on behind the last it saw must have seen the slow one.
        listed = (await page(api, "/threads", order="asc"))["data"]
        assert [each["id"] for each in listed] == ["thread_slow", quick]
        await writing


async def test_threads_made_on_two_replicas_are_missed_by_no_reader(shared: str) -> None:
    async with client(shared) as first, client(shared) as second:
        made: list[str] = []
        done = asyncio.Event()

        async def write(api: httpx2.AsyncClient) -> None:
            made.extend([await new_thread(api, ("a", "b")) for _ in range(25)])

        async def read(api: httpx2.AsyncClient) -> list[str]:
            seen: list[str] = []
            while True:
                ending = done.is_set()
                after = {"after": seen[-1]} if seen else {}
                found = await page(api, "/threads", order="asc", limit=100, **after)
                seen += [each["id"] for each in found["data"]]
                if ending and not found["data"]:
                    return seen

        reading = [asyncio.create_task(read(api)) for api in (first, second)]
        await asyncio.gather(*(write(api) for api in (first, second, first, second)))
        done.set()
        one, two = await asyncio.gather(*reading)
    assert one == two
    assert sorted(one) == sorted(made)


async def test_a_deletion_at_the_same_time_as_writes_leaves_nothing_behind(shared: str) -> None:
    async with client(shared) as first, client(shared) as second:
        for number in range(10):
            thread_id = await new_thread(first, ("a secret",))
            url = f"/threads/{thread_id}"
            message_id = (await page(first, f"{url}/messages"))["data"][0]["id"]
            secret = {"role": "user", "content": "a secret"}
            note = {"metadata": {"note": "a secret"}}
            await asyncio.gather(
                *(
                    api.post(f"{url}/{path}".rstrip("/"), json=body, headers={"Idempotency-Key": k})
                    for at, api in enumerate((first, second) * 2)
                    for path, body, k in (
                        ("messages", secret, f"{number}-{at}-a"),
                        ("", note, f"{number}-{at}-b"),
                        (f"messages/{message_id}", note, f"{number}-{at}-c"),
                    )
                ),
                first.delete(f"{url}/messages/{message_id}"),
                second.delete(url),
            )
            assert (await first.get(url)).status_code == 404
    for table in ("messages", "threads", "idempotency"):
        left = await rows(shared, f"SELECT count(*) FROM {table} t WHERE t::text LIKE '%a secret%'")  # noqa: S608 - names of ours
        assert left == [(0,)], table
