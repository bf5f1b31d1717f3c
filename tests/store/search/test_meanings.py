"""Search by meaning: with an endpoint of embeddings, and whatever that endpoint does."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backscroll.database.opening import open_database
from backscroll.database.port import Database
from backscroll.store.app import Store, open_store, store_over
from backscroll.store.archive.records import ImportedMessage, ImportedThread
from backscroll.store.search.embeddings import Embeddings, EmbeddingsError, Endpoint
from backscroll.store.search.limits import Bounds
from backscroll.store.search.meanings import BATCH, Meanings
from backscroll.store.search.search_endpoint import SearchEndpoint
from tests.loopback import NO_TLS
from tests.pace import limit_s, paced_s
from tests.store.conftest import V2, Sql
from tests.store.search import embedder as faults
from tests.store.search.embedder import Embedder, embedder
from tests.store.wire import Json, add, new_thread, page

OTHERS = (
    *("a soup with carrots", "rain on the roof", "the cat sleeps", "seven old books"),
    *("paint it green", "a song about trees", "bread is baked early", "windows face north"),
    *("the dog barks", "snow in april", "a letter from paris", "the clock is slow"),
)


@dataclass
class Desk:
    """A store with an endpoint of embeddings."""

    store: Store
    api: httpx2.AsyncClient
    meanings: Meanings
    endpoint: Embedder
    http: httpx2.AsyncClient
    database: Database

    def again(self, model: str = "m", **times: float) -> Meanings:
        """Return what another process with this database and another model would use."""
        endpoint = Endpoint(self.endpoint.url, model)
        return Meanings(self.database, Embeddings(endpoint, self.http), **times)

    async def search(self, query: str, **params: str | int) -> Json:
        return await page(self.api, "/search", query=query, **params)

    async def found(self, query: str, **params: str | int) -> list[str]:
        listed = await self.search(query, **params)
        return [hit["excerpt"]["text"] for hit in listed["data"]]


@asynccontextmanager
async def opened(url: str, **times: float) -> AsyncIterator[Desk]:
    async with (
        embedder() as endpoint,
        open_database(url, "store") as database,
        httpx2.AsyncClient(verify=NO_TLS) as http,
    ):
        embeddings = Embeddings(Endpoint(endpoint.url, "m", "sk-1"), http)
        meanings = Meanings(database, embeddings, **times)
        store = await store_over(database, meanings=meanings)
        transport = httpx2.ASGITransport(app=store.app)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://store/v1", headers=V2
        ) as api:
            yield Desk(store, api, meanings, endpoint, http, database)


async def test_a_message_is_found_by_its_meaning(database_url: str) -> None:
    async with opened(database_url) as desk:
        thread = await new_thread(desk.api, (*OTHERS, "we sold the car", "a vehicle of money"))
        before = await desk.search("automobile")
        await desk.meanings.fill()
        listed = await desk.search("automobile")
        both = await desk.found("automobile, cat")
        here = await desk.found("automobile", thread_id=thread, role="user")
        elsewhere = [
            await desk.found("automobile", **params)
            for params in (
                {"role": "assistant"},
                {"until": 1_000},
                {"since": 1 << 40},
                {"thread_id": await new_thread(desk.api)},
            )
        ]
        exact = await desk.search('"automobile"')
        newest = await desk.search("automobile", order="newest")
        none = await desk.search("xylophone")
        left_out = await desk.found("automobile -sold")
    assert (before["data"], before["search"]["semantic"]) == ([], True)
    texts = [hit["excerpt"]["text"] for hit in listed["data"]]
    assert texts == ["we sold the car", "a vehicle of money"]
    assert [hit["excerpt"]["spans"] for hit in listed["data"]] == [[], []]
    assert (listed["search"]["matched"], listed["search"]["semantic"]) == ("meaning", True)
    assert here == texts
    assert sorted(both) == sorted(["the cat sleeps", *texts])
    assert elsewhere == [[], [], [], []]
    assert (exact["data"], newest["data"]) == ([], [])
    assert "semantic" not in exact["search"] | newest["search"]
    assert none["data"] == []
    assert left_out == ["a vehicle of money"]
    assert desk.endpoint.headers[0]["authorization"] == "Bearer sk-1"
    assert set(desk.endpoint.models) == {"m"}


@pytest.mark.usefixtures("in_memory")
async def test_the_endpoint_receives_a_query_without_its_exclusions(database_url: str) -> None:
    async with opened(database_url) as desk:
        for query in ("-5", "a car -red -“in town”"):
            await desk.search(query)
        assert desk.endpoint.texts == ["-5", "a car"]


@pytest.mark.usefixtures("in_memory")
async def test_a_list_by_time_alone_does_not_claim_that_meanings_were_compared(
    database_url: str,
) -> None:
    async with opened(database_url) as desk:
        await new_thread(desk.api, ("a car", "my car", "our car"))
        endpoint = SearchEndpoint(desk.database, desk.meanings, Bounds(budget=2))
        app = Starlette(routes=[Route("/v1/search", endpoint.page)])
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://store/v1") as api:
            listed = await page(api, "/search", query="car")
    assert listed["search"]["matched"] == "common_words"
    assert "semantic" not in listed["search"]


async def test_partitions_do_not_find_one_another_by_meaning(database_url: str) -> None:
    async with opened(database_url) as desk:
        message = ImportedMessage(role="user", content="we sold the car", created_at=1)
        thread = ImportedThread(key="t", created_at=1, messages=[message])
        await desk.store.import_thread(thread, "other")
        await new_thread(desk.api, OTHERS)
        await desk.meanings.fill()
        assert await desk.found("automobile") == []
        assert "we sold the car" in desk.endpoint.texts


async def test_of_hits_with_the_same_words_the_nearest_in_meaning_is_first(
    database_url: str,
) -> None:
    async with opened(database_url) as desk:
        texts = ("a cheap refund", "a cheap car", "a cheap dog")
        await new_thread(desk.api, (*texts, *OTHERS))
        await desk.meanings.fill()
        assert (await desk.found("cheap automobile"))[0] == "a cheap car"
        assert (await desk.found("cheap reimbursement"))[0] == "a cheap refund"


async def test_pages_by_meaning_repeat_nothing_and_miss_nothing(database_url: str) -> None:
    async with opened(database_url) as desk:
        cars = [f"car {number}" for number in range(8)]
        words = [f"automobile {number}" for number in range(8)]
        await new_thread(desk.api, (*cars, *words))
        for number in range(12):
            await new_thread(desk.api, tuple(f"{text} {number}" for text in OTHERS))
        await desk.meanings.fill()
        found: list[str] = []
        after: dict[str, str] = {}
        for _ in range(20):
            listed = await desk.search("automobile", limit=3, **after)
            found += [hit["excerpt"]["text"] for hit in listed["data"]]
            if not listed["has_more"]:
                break
            after = {"after": listed["next_cursor"]}
        assert len(found) == len(set(found))
        assert set(found) == {*cars, *words}
        assert desk.endpoint.texts.count("automobile") == 1  # kept for the other pages


@pytest.mark.parametrize(
    "fault",
    [
        faults.fails,
        faults.is_slow,
        faults.sends_fewer,
        faults.sends_no_numbers,
        faults.sends_huge_numbers,
        faults.sends_a_list_as_index,
        faults.sends_text,
        faults.sends_too_much,
    ],
)
@pytest.mark.usefixtures("in_memory")
async def test_a_search_whose_query_is_not_embedded_in_time_compares_words(
    database_url: str, fault: faults.Fault
) -> None:
    async with opened(database_url, query_s=0.2, rest_s=1_000) as desk:
        await new_thread(desk.api, (*OTHERS, "we sold the car", "an automobile"))
        await desk.meanings.fill()
        desk.endpoint.fault = fault
        listed = [await desk.search("automobile") for _ in range(2)]
        asked = desk.endpoint.texts.count("automobile")
    for each in listed:
        assert [hit["excerpt"]["text"] for hit in each["data"]] == ["an automobile"]
        assert (each["search"]["matched"], each["search"]["semantic"]) == ("all_words", False)
    assert asked == 1  # the second search did not wait again


MORE_THAN_A_BATCH = BATCH + 1
VECTORS = "SELECT count(*) FROM search_vectors WHERE signs IS NOT NULL"


async def test_filling_goes_on_after_a_failure_and_asks_for_no_text_twice(
    database_url: str, sql: Sql
) -> None:
    async with opened(database_url, batch_s=paced_s(0.5)) as desk:
        await new_thread(desk.api, ("first",))
        await desk.meanings.fill()
        for filled, fault in enumerate(
            (
                faults.fails,
                faults.is_slow,
                faults.sends_fewer,
                faults.sends_others,
                faults.sends_no_numbers,
                faults.sends_null_as_index,
                faults.sends_indexes_twice,
                faults.sends_text,
                faults.sends_too_much,
            )
        ):
            later = [f"{fault.__name__} {number}" for number in range(MORE_THAN_A_BATCH)]
            await new_thread(desk.api, tuple(later))
            desk.endpoint.fault = fault
            with pytest.raises(EmbeddingsError):
                await desk.meanings.fill()
            before = len(later) * filled + 1
            assert await sql(VECTORS) == [(before,)], fault
            desk.endpoint.fault = None
            asked = len(desk.endpoint.texts)
            # Another process may continue.
            await desk.again().fill()
            assert sorted(desk.endpoint.texts[asked:]) == sorted(later), fault
            assert await sql(VECTORS) == [(before + len(later),)], fault


async def test_a_text_that_the_endpoint_refuses_does_not_stop_the_others(
    database_url: str, sql: Sql
) -> None:
    async def refuses(texts: list[str], _data: list[Any]) -> Response | None:
        return JSONResponse({}, 400) if "bad" in texts else None

    async with opened(database_url) as desk:
        await new_thread(desk.api, ("one", "bad", "two"))
        desk.endpoint.fault = refuses
        await desk.meanings.fill()
        await desk.meanings.fill()
        assert desk.endpoint.asked == [["one", "bad", "two"], ["one"], ["bad"], ["two"]]
        assert await sql(VECTORS) == [(2,)]


async def test_an_endpoint_that_refuses_every_text_is_asked_again_later(
    database_url: str, sql: Sql
) -> None:
    async def refuses(_texts: list[str], _data: list[Any]) -> Response:
        return JSONResponse({}, 400)

    async with opened(database_url) as desk:
        await new_thread(desk.api, ("one", "two"))
        desk.endpoint.fault = refuses
        for _ in range(2):
            with pytest.raises(EmbeddingsError):
                await desk.meanings.fill()
        desk.endpoint.fault = None
        await desk.meanings.fill()
        assert await sql(VECTORS) == [(2,)]


async def test_vectors_go_with_their_messages_and_change_with_their_titles(
    database_url: str, sql: Sql
) -> None:
    async with opened(database_url) as desk:
        made = await desk.api.post("/threads", json={"metadata": {"title": "The car"}})
        thread = made.json()["id"]
        first = await add(desk.api, thread, "We begin.")
        second = await add(desk.api, thread, "We end.")
        other = await new_thread(desk.api, OTHERS)
        await desk.meanings.fill()
        assert await desk.found("automobile") == ["We begin."]
        await desk.api.post(f"/threads/{thread}", json={"metadata": {"title": "Windmills"}})
        assert await sql(VECTORS) == [(len(OTHERS) + 1,)]
        await desk.meanings.fill()
        assert desk.endpoint.texts[-1] == "We begin.\nWindmills"
        assert await desk.found("automobile") == []
        await desk.api.delete(f"/threads/{thread}/messages/{first}")
        assert await sql("SELECT count(*) FROM search_vectors") == [(len(OTHERS) + 1,)]
        await desk.api.delete(f"/threads/{other}")
        assert await sql("SELECT count(*) FROM search_vectors") == [(1,)]
        await desk.api.delete(f"/threads/{thread}/messages/{second}")
        assert await sql("SELECT count(*) FROM search_vectors") == [(0,)]


async def test_a_message_that_is_deleted_while_the_endpoint_is_asked_gets_no_vector(
    database_url: str, sql: Sql
) -> None:
    async with opened(database_url) as desk:
        thread = await new_thread(desk.api, ("stays",))
        gone = await add(desk.api, thread, "goes")

        async def deletes(texts: list[str], _data: list[Any]) -> None:
            if "goes" in texts:
                await desk.api.delete(f"/threads/{thread}/messages/{gone}")

        desk.endpoint.fault = deletes
        await desk.meanings.fill()
        assert await sql("SELECT count(*) FROM search_vectors") == [(1,)]


async def test_another_model_replaces_the_vectors_of_the_first(database_url: str, sql: Sql) -> None:
    async with opened(database_url) as desk:
        await new_thread(desk.api, (*OTHERS, "we sold the car"))
        await desk.meanings.fill()

        async def others(texts: list[str], data: list[Any]) -> None:
            for each, text in zip(data, texts, strict=True):
                each["embedding"] = faults.embedded(text, 128)

        desk.endpoint.fault = others
        await desk.again("larger").fill()
        assert await sql("SELECT DISTINCT length(vector) FROM search_vectors") == [(256,)]
        assert desk.endpoint.texts.count("we sold the car") == 2


async def test_a_file_that_was_replaced_gets_the_vectors_that_it_lacks(path: Path) -> None:
    backup = path.with_name("backup.db")
    async with opened(f"sqlite:///{backup}") as desk:
        await new_thread(desk.api, (*OTHERS, "we sold the car"))
    async with opened(f"sqlite:///{path}") as desk:
        await new_thread(desk.api, (*OTHERS, "we sold the boat"))
        await desk.meanings.fill()
        os.replace(backup, path)  # noqa: PTH105 - as a restore does it
        await desk.meanings.fill()
        assert await desk.found("automobile") == ["we sold the car"]


async def test_one_process_at_a_time_asks_for_vectors(database_url: str) -> None:
    async with opened(database_url) as desk:
        texts = [f"text {number}" for number in range(100)]
        await new_thread(desk.api, tuple(texts))
        await asyncio.gather(desk.meanings.fill(), desk.again().fill(), desk.again().fill())
        assert sorted(desk.endpoint.texts) == sorted(texts)


@pytest.mark.timeout(limit_s(60))
async def test_an_open_store_embeds_what_is_written_and_delays_nothing(database_url: str) -> None:
    async with embedder() as endpoint:
        endpoint.fault = faults.fails
        async with open_store(
            database_url, endpoint=Endpoint(f"{endpoint.url}/embeddings")
        ) as store:
            transport = httpx2.ASGITransport(app=store.app)
            async with httpx2.AsyncClient(
                transport=transport, base_url="http://store/v1", headers=V2
            ) as api:
                await new_thread(api, (*OTHERS, "we sold the car"))
                endpoint.fault = None
                listed: Json = {"data": []}
                while not listed["data"]:
                    listed = await page(api, "/search", query="automobile")
                    await asyncio.sleep(0.05)
    assert listed["data"][0]["excerpt"]["text"] == "we sold the car"
    assert endpoint.models[0] is None
    assert "authorization" not in endpoint.headers[0]
