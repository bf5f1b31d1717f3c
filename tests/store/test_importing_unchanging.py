"""Completions and responses are imported together, as if each were imported alone."""

import asyncio
from typing import TypeVar

import httpx2
import pytest
from msgspec.structs import replace

from backscroll.database.faults import StoreError
from backscroll.database.port import Database, Work
from backscroll.store.app import Store, open_store, store_over
from backscroll.store.archive.records import ImportedCompletion, ImportedResponse, ImportOutcome
from tests.store.conftest import Sql
from tests.store.test_archive import COMPLETION
from tests.store.test_responses import RESPONSE, message
from tests.store.wire import page
from tests.store.wrapped import WrappedDatabase

T = TypeVar("T")


class Counting(WrappedDatabase):
    """A database that counts its write transactions."""

    writes = 0

    async def write(self, work: Work[T], turn: str = "") -> T:
        self.writes += 1
        return await super().write(work, turn)


def completion(number: int) -> ImportedCompletion:
    return replace(COMPLETION, key=f"c{number}", id=f"chatcmpl-{number}")


def response(number: int) -> ImportedResponse:
    return replace(RESPONSE, key=f"r{number}", id=f"resp_{number}", input=[], output=[])


def imported(object_id: str, added: int) -> ImportOutcome:
    return ImportOutcome(kind="imported", id=object_id, added=added)


async def test_many_take_few_transactions_and_come_out_as_they_went_in(
    database: Database, api: httpx2.AsyncClient
) -> None:
    counting = Counting(database)
    store = await store_over(counting)
    completions = [completion(number) for number in range(20)]
    responses = [response(number) for number in range(20)]
    counting.writes = 0
    outcomes = await store.import_unchanging([*completions, *responses])
    writes = counting.writes
    assert writes < len(outcomes)
    assert outcomes == [
        *(imported(f"chatcmpl-{number}", 2) for number in range(20)),
        *(imported(f"resp_{number}", 0) for number in range(20)),
    ]
    assert [each async for each in store.export_completions()] == completions
    assert [each async for each in store.export_responses()] == responses
    found = await page(api, "/search", query="b", limit=50)
    assert {hit["thread_id"] for hit in found["data"]} == {each.id for each in completions}
    assert await store.import_unchanging([]) == []
    assert counting.writes == writes


async def test_one_that_cannot_be_stored_or_is_there_costs_no_other(store: Store) -> None:
    same_ids = [message("user", text, "msg_1") for text in ("one", "two")]
    given: list[ImportedCompletion | ImportedResponse] = [
        completion(1),
        replace(completion(2), metadata={"a": 1}),
        replace(completion(3), key="c1"),
        response(1),
        replace(response(2), input=same_ids),
        response(1),
        completion(4),
    ]
    await store.import_completion(completion(4))
    outcomes = await store.import_unchanging(given)
    assert [(each.kind, each.id) for each in outcomes] == [
        ("imported", "chatcmpl-1"),
        ("refused", ""),
        ("present", "chatcmpl-1"),
        ("imported", "resp_1"),
        ("refused", ""),
        ("present", "resp_1"),
        ("present", "chatcmpl-4"),
    ]
    assert "expected a string" in outcomes[1].reason
    assert "two of its items have the same id" in outcomes[4].reason


async def test_a_value_that_the_database_does_not_accept_costs_its_object_alone(
    store: Store, sql: Sql
) -> None:
    late_completion = replace(completion(2), created_at=1 << 63)
    late_response = replace(response(1), created_at=1 << 63)
    given: list[ImportedCompletion | ImportedResponse] = [completion(1)]
    given += [late_completion, late_response, response(2)]
    outcomes = await store.import_unchanging(given)
    refused = ImportOutcome(
        kind="refused",
        reason="cannot be imported: the database does not accept one of its values",
    )
    assert outcomes == [
        imported("chatcmpl-1", 2),
        *(refused, refused),
        imported("resp_2", 0),
    ]
    for alone in (store.import_completion(late_completion), store.import_response(late_response)):
        with pytest.raises(StoreError, match="does not accept one of its values"):
            await alone
    assert await sql("SELECT id FROM completions") == [("chatcmpl-1",)]
    assert await sql("SELECT id FROM responses") == [("resp_2",)]


LOCKED = (
    "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@pytest.mark.usefixtures("on_postgres")
async def test_others_add_a_completion_while_many_are_imported(
    store: Store, database_url: str, sql: Sql
) -> None:
    async with open_store(database_url) as other:
        given = [completion(number) for number in range(500)]
        importing = asyncio.create_task(store.import_unchanging(given))
        while await sql(LOCKED) != [(True,)]:
            pass
        assert (await other.import_completion(completion(1_000))).kind == "imported"
        assert not importing.done()
        assert len(await importing) == len(given)
