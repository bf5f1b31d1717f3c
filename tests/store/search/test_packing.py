"""PostgreSQL's index finds the same before and after its rows are packed, whatever is changed."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count
from typing import Any, TypeVar

import asyncpg
import httpx2
import pytest
from hypothesis import given, settings
from msgspec.structs import replace
from sqlalchemy import Connection
from sqlalchemy.util import await_only

from backscroll.database.faults import DatabaseBusyError
from backscroll.database.opening import open_database
from backscroll.database.port import Database, Work
from backscroll.store.app import Store, store_over
from backscroll.store.archive.records import ImportedMessage, ImportedThread
from backscroll.store.search import backfill, pages, pending, rows, terms
from backscroll.store.search.freeing import vacuum
from backscroll.store.search.moving import Range
from backscroll.store.search.packing import Packing, pack
from backscroll.store.search.pages import StoredPage, unmerged
from backscroll.store.search.postgres_terms import hashed
from backscroll.store.search.postings import bucket_of
from backscroll.store.search.rewriting import erase_removed, merge_some
from backscroll.store.search.rows import BLOCK
from tests.postgres import PostgresServer, at_port
from tests.store.conftest import Sql, examples_share_a_store
from tests.store.pooling import pooling
from tests.store.search.contents import indexed, scanned
from tests.store.search.test_index import ACTS
from tests.store.search.writer import Writer
from tests.store.test_queues import WAITING
from tests.store.wire import add, new_thread, page
from tests.store.wrapped import BusyDatabase, WrappedDatabase

T = TypeVar("T")
SIZES: dict[str, Any] = {"packed": BLOCK, "merged": (2 * BLOCK, 4 * BLOCK)}
NUMBERS = count(10)
WAITERS = WAITING.replace("count(*) > 0", "count(*)")
pytestmark = pytest.mark.usefixtures("on_postgres")
QUERIES = (
    {"query": "refund boat"},
    {"query": "boat", "order": "newest", "until": "60"},
    {"query": "boat", "order": "oldest", "since": "150"},
    {"query": "what is that", "order": "oldest"},
    {"query": '"the boat" refund'},
    {"query": "boat w7", "thread_id": "thread_1"},
    {"query": "what is it", "thread_id": "thread_1"},
    {"query": "boat", "role": "assistant", "since": "100", "until": "150"},
)


def thread(number: int, messages: int) -> ImportedThread:
    return ImportedThread(
        key=str(number),
        id=f"thread_{number}",
        created_at=number,
        metadata={"title": f"trip {number}"},
        messages=[
            ImportedMessage(
                id=f"msg_{number}_{at}",
                role="assistant" if at % 2 else "user",
                created_at=at,
                content=f"what is the boat w{at}" + " refund" * (at % 7 == 0),
            )
            for at in range(messages)
        ],
    )


class Changing(WrappedDatabase):
    """A database in which something is changed after `what` was read for the first time."""

    def __init__(
        self,
        database: Database,
        what: Callable[[object], bool],
        change: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(database)
        self._what, self._change, self.is_changed = what, change, False

    async def read(self, work: Work[T], *, large: bool = False) -> T:
        value = await super().read(work, large=large)
        if self._what(value) and not self.is_changed:
            self.is_changed = True
            await self._change()
        return value


class Busy(WrappedDatabase):
    """A database in which so much changes that a message is removed while many rows are read."""

    def __init__(self, database: Database, api: httpx2.AsyncClient) -> None:
        super().__init__(database)
        self._api, self.removed = api, 0

    async def read(self, work: Work[T], *, large: bool = False) -> T:
        value = await super().read(work, large=large)
        if isinstance(value, Range) and value.last - value.after > BLOCK:
            await self._api.delete(f"/threads/thread_1/messages/msg_1_{self.removed}")
            self.removed += 1
        return value


class Written(WrappedDatabase):
    """A database that notes what was written."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.works: list[object] = []

    async def write(self, work: Work[T], turn: str = "") -> T:
        self.works.append(work)
        return await super().write(work, turn)


class TooLargeToVacuum(WrappedDatabase):
    """A database in which a VACUUM takes longer than a statement may."""

    vacuums = 0

    async def read(self, work: Work[T], *, large: bool = False) -> T:
        if getattr(work, "__module__", "") == vacuum.__module__:
            self.vacuums += 1
            raise DatabaseBusyError
        return await super().read(work, large=large)


async def walked(api: httpx2.AsyncClient, params: dict[str, str]) -> list[str]:
    ids: list[str] = []
    after: dict[str, str] = {}
    while True:
        found = await page(api, "/search", limit=50, **params, **after)
        ids += [hit["id"] for hit in found["data"]]
        if not found["has_more"]:
            return ids
        after = {"after": found["next_cursor"]}


async def test_every_search_finds_the_same_once_rows_are_packed(
    store: Store, api: httpx2.AsyncClient, database: Database, sql: Sql
) -> None:
    for number in range(1, 4):
        await store.import_thread(thread(number, 180))
    before = [await walked(api, params) for params in QUERIES]
    await pack(database, Packing(**SIZES))
    assert await sql("SELECT count(*) FROM search_rows") == [(540 - 4 * BLOCK,)]
    ranges = await sql("SELECT DISTINCT last - after FROM search_pages ORDER BY 1")
    assert [4 * BLOCK] in [[size] for (size,) in ranges]
    assert [await walked(api, params) for params in QUERIES] == before
    assert all(before)


async def test_a_look_up_in_one_thread_reads_only_pages_that_may_have_its_rows(
    store: Store, api: httpx2.AsyncClient, database: Database, sql: Sql
) -> None:
    for number in range(1, 7):
        await store.import_thread(thread(number, 180))
    await pack(database, Packing(**SIZES))
    await add(api, "thread_1", "the boat w7 again")
    params = {"query": "boat w7", "thread_id": "thread_1"}
    before = await walked(api, params)
    words = ["boat", "w7", "w9", "what"]
    buckets = [bucket_of(each) for each in hashed(words)]
    of_words = f"bucket = ANY(ARRAY{buckets}) AND after"
    unreadable = f"UPDATE search_pages SET page = 'x' WHERE {of_words}"  # noqa: S608 - numbers
    await sql(f"{unreadable} >= {4 * BLOCK} RETURNING bucket")
    assert await walked(api, params) == before
    assert (await api.delete("/threads/thread_1/messages/msg_1_9")).status_code == 200
    assert await walked(api, params) == [each for each in before if each != "msg_1_9"]
    await sql(f"{unreadable} < {4 * BLOCK} RETURNING bucket")
    with pytest.raises(zlib.error):
        await api.get("/search", params=params)


@pytest.mark.parametrize(
    ("postings", "moved"), [(1_000_000, [2_048, 1_024]), (1, [1_024, 1_024, 1_024])]
)
async def test_as_many_rows_are_moved_at_once_as_a_merged_page_has_and_fewer_with_many_tokens(
    store: Store, api: httpx2.AsyncClient, database: Database, postings: int, moved: list[int]
) -> None:
    await store.import_thread(thread(1, 3_200))
    before = await walked(api, {"query": "refund w7"})
    written = Written(database)
    await pack(written, Packing(packed=1_024, merged=(2_048, 4_096), postings=postings))
    works = [work.keywords for work in written.works if isinstance(work, partial)]
    ranges = [each["found"] for each in works if "found" in each]
    assert [each.last - each.after for each in ranges] == moved
    assert await walked(api, {"query": "refund w7"}) == before
    assert before


async def test_all_rows_are_packed_although_writes_fail_now_and_then(
    store: Store, database: Database, sql: Sql, caplog: pytest.LogCaptureFixture
) -> None:
    await store.import_thread(thread(1, 5 * BLOCK))
    await Packing(**SIZES).check(BusyDatabase(database, {1}))
    assert caplog.messages == [
        "the search index is not packed yet: another program or transaction has locked the database"
    ]
    await pack(BusyDatabase(database, {2, 4, 7, 9}), Packing(**SIZES))
    assert await sql("SELECT count(*) FROM search_rows") == [(0,)]
    ranges = await sql("SELECT DISTINCT last - after FROM search_pages ORDER BY 1")
    assert [4 * BLOCK] in [[size] for (size,) in ranges]


async def test_rows_are_packed_although_their_table_takes_too_long_to_vacuum(
    store: Store, database: Database, sql: Sql
) -> None:
    await store.import_thread(thread(1, 10 * BLOCK))
    large = TooLargeToVacuum(database)
    await pack(large, Packing(**SIZES))
    assert await sql("SELECT count(*) FROM search_rows") == [(0,)]
    assert large.vacuums == 1


async def test_packing_ends_if_all_writes_fail(store: Store, database: Database, sql: Sql) -> None:
    await store.import_thread(thread(1, 5 * BLOCK))
    with pytest.raises(DatabaseBusyError):
        await pack(BusyDatabase(database, range(1_000)), Packing(**SIZES))
    assert await sql("SELECT count(*) FROM search_rows") == [(5 * BLOCK,)]


async def test_rows_are_packed_behind_a_pooler(
    store: Store, database_url: str, postgres: PostgresServer, sql: Sql
) -> None:
    await store.import_thread(thread(1, 300))
    async with pooling(postgres.port, by_transaction=True) as port:
        url = at_port(database_url, port)
        async with open_database(url, "store") as database:
            await pack(database, Packing(**SIZES))
    assert await sql("SELECT count(*) FROM search_rows") == [(300 - 2 * BLOCK,)]


@settings(examples_share_a_store, max_examples=3)
@given(actions=ACTS, more=ACTS)
async def test_a_packed_index_has_exactly_what_a_scan_of_the_messages_finds(  # noqa: PLR0917 - fixtures, and what is drawn
    store: Store,
    api: httpx2.AsyncClient,
    database: Database,
    sql: Sql,
    actions: list[tuple[int, int, str]],
    more: list[tuple[int, int, str]],
) -> None:
    others = {"OpenAI-Project": "other", "OpenAI-Beta": "assistants=v2"}
    transport = httpx2.ASGITransport(app=store.app)
    writer = Writer(store, api, "")
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://store/v1", headers=others
    ) as other:
        for at, todo in zip(NUMBERS, (actions, more), strict=False):
            for action in todo:
                await writer.act(*action)
                await Writer(store, other, "other").act(*action)
            await store.import_thread(thread(at, BLOCK))
            await pack(database, Packing(**SIZES))
            assert await indexed(sql, postgres=True) == await scanned(sql, postgres=True)
            assert (await api.delete(f"/threads/thread_{at}")).status_code == 200
            assert await indexed(sql, postgres=True) == await scanned(sql, postgres=True)
    await pack(database, Packing(**SIZES))
    assert await sql("SELECT count(*) FROM search_removed") == [(0,)]
    assert await indexed(sql, postgres=True) == await scanned(sql, postgres=True)


async def test_hashes_of_removed_and_changed_messages_are_erased_from_pages(
    store: Store, api: httpx2.AsyncClient, database: Database, sql: Sql
) -> None:
    for number in (1, 2):
        await store.import_thread(thread(number, BLOCK))
    await pack(database, Packing(**SIZES))
    pages = await sql("SELECT count(*) FROM search_pages")
    await api.post("/threads/thread_2", json={"metadata": {"title": "journey"}})
    assert (await api.delete("/threads/thread_1")).status_code == 200
    assert [hit["id"] for hit in (await page(api, "/search", query="journey"))["data"]] == [
        "msg_2_0"
    ]
    assert (await page(api, "/search", query="trip"))["data"] == []
    await erase_removed(database, 0)
    assert await sql("SELECT count(*) FROM search_removed") == [(0,)]
    assert await sql("SELECT count(*) FROM search_pages") < pages
    assert await indexed(sql, postgres=True) == await scanned(sql, postgres=True)
    assert (await api.delete("/threads/thread_2/messages/msg_2_0")).status_code == 200
    assert (await page(api, "/search", query="journey"))["data"] == []


@pytest.mark.parametrize("is_erasing", [True, False])
async def test_pages_that_change_while_they_are_rewritten_are_read_again(
    database: Database, sql: Sql, is_erasing: bool
) -> None:
    """Both are done at the same time: pages are merged, and removed rows are erased from them."""
    store = await store_over(database)  # no background erases them
    transport = httpx2.ASGITransport(app=store.app)
    # All have the same word, whose pages are the only ones to merge: each change is a conflict.
    said = [ImportedMessage(role="user", content="boat", created_at=1) for _ in range(BLOCK)]
    for number in range(1, 6):
        messages = [replace(each, id=f"msg_{number}_{at}") for at, each in enumerate(said)]
        await store.import_thread(replace(thread(number, 0), metadata={}, messages=messages))
    await pack(database, Packing(packed=BLOCK, merged=(BLOCK,)))
    async with httpx2.AsyncClient(
        transport=transport,
        base_url="http://store/v1",
        headers={"OpenAI-Beta": "assistants=v2"},
    ) as api:
        for number in range(1, 4):
            for at in range(0, BLOCK, 16):
                path = f"/threads/thread_{number}/messages/msg_{number}_{at}"
                assert (await api.delete(path)).status_code == 200
    before = await sql("SELECT count(*) FROM search_pages")
    erasing, merging = partial(erase_removed, pause_s=0), partial(_merge_all, size=4 * BLOCK)
    first, second = (erasing, merging) if is_erasing else (merging, erasing)
    changing = Changing(database, _has_pages, partial(second, database))
    await first(changing)
    assert changing.is_changed
    assert await sql("SELECT count(*) FROM search_removed") == [(0,)]
    assert await sql("SELECT count(*) FROM search_pages WHERE last - after < 512") < before
    assert await indexed(sql, postgres=True) == await scanned(sql, postgres=True)
    assert len(await indexed(sql, postgres=True)) == 5 * BLOCK - 24


async def _merge_all(database: Database, size: int) -> None:
    first: int | None = 0
    while first is not None:
        first = await merge_some(database, size, first)


def _has_pages(value: object) -> bool:
    """Whether pages to merge, or pages with removed rows, were read."""
    pages = value[0] if isinstance(value, tuple) else value
    return isinstance(pages, list) and pages != [] and isinstance(pages[0], StoredPage)


async def test_no_row_is_packed_while_one_with_a_lower_number_may_be_committed(
    store: Store, api: httpx2.AsyncClient, database: Database, database_url: str, sql: Sql
) -> None:
    await store.import_thread(thread(1, BLOCK - 1))
    late = await asyncpg.connect(database_url)
    try:
        transaction = late.transaction()
        await transaction.start()
        await late.execute(
            "INSERT INTO search_rows (owner, created_at, position, scope, length, role, version,"
            " terms) SELECT owner, created_at, 1, scope, length, role, version, terms"
            " FROM search_rows WHERE id = 1"
        )
        await store.import_thread(thread(2, BLOCK))
        packing = Packing(**SIZES)
        for _ in range(3):
            await packing.check(database, 0)
        assert await sql("SELECT count(*) FROM search_blocks") == [(0,)]
        await transaction.commit()
    finally:
        await late.close()
    await pack(database, packing)
    assert await sql("SELECT count(*) FROM search_blocks") == [(2,)]
    assert len(await database.read(partial(rows.read, ids=range(1, BLOCK + 1)))) == BLOCK
    assert len(await walked(api, {"query": "boat"})) == 2 * BLOCK


async def test_rows_that_change_while_they_are_packed_are_packed_as_they_are_then(
    store: Store, api: httpx2.AsyncClient, database: Database, sql: Sql
) -> None:
    await store.import_thread(thread(1, BLOCK))
    packing = Packing(**SIZES)

    async def change() -> None:
        await api.delete("/threads/thread_1/messages/msg_1_5")
        await api.post("/threads/thread_1", json={"metadata": {"title": "journey"}})

    changing = Changing(database, lambda value: isinstance(value, Range), change)
    await pack(changing, packing)
    assert changing.is_changed
    assert await sql("SELECT count(*) FROM search_rows") == [(0,)]
    assert await indexed(sql, postgres=True) == await scanned(sql, postgres=True)
    assert len(await indexed(sql, postgres=True)) == BLOCK - 1


async def test_rows_are_packed_although_one_of_so_many_changes_each_time_that_they_are_read(
    store: Store, api: httpx2.AsyncClient, database: Database, sql: Sql
) -> None:
    await store.import_thread(thread(1, 4 * BLOCK))
    busy = Busy(database, api)
    await pack(busy, Packing(packed=BLOCK, merged=(4 * BLOCK, 8 * BLOCK)))
    assert busy.removed < 8
    assert await sql("SELECT count(*) FROM search_rows") == [(0,)]
    assert await indexed(sql, postgres=True) == await scanned(sql, postgres=True)


async def test_replicas_pack_each_row_once(
    store: Store, database: Database, database_url: str, sql: Sql
) -> None:
    for number in range(3):
        await store.import_thread(thread(number, 2 * BLOCK))
    async with open_database(database_url, "store") as replica:
        await asyncio.gather(
            *(pack(each, Packing(**SIZES)) for each in (database, replica, database))
        )
    await pack(database, Packing(**SIZES))
    assert await sql("SELECT count(*) FROM search_rows") == [(0,)]
    assert await indexed(sql, postgres=True) == await scanned(sql, postgres=True)


async def test_a_table_that_was_emptied_by_packing_gets_small_again(
    store: Store, database: Database, sql: Sql
) -> None:
    for number in range(3):
        await store.import_thread(thread(number, 2_000))
    size = "SELECT pg_total_relation_size('search_rows')"
    await pack(database, Packing(**SIZES, bloated_bytes=1))
    [(after,)] = await sql(size)
    assert after < 400_000


async def test_a_check_that_finds_nothing_new_writes_nothing(
    store: Store, database: Database, sql: Sql
) -> None:
    await store.import_thread(thread(1, BLOCK + 1))
    packing = Packing(**SIZES, bloated_bytes=1)
    await pack(database, packing)
    file = await sql("SELECT pg_relation_filenode('search_rows')")
    written = Written(database)
    await packing.check(written, 0)
    assert written.works == []
    assert await sql("SELECT pg_relation_filenode('search_rows')") == file


async def test_rows_are_found_in_order_and_no_more_than_wanted(
    store: Store, database: Database
) -> None:
    await store.import_thread(thread(1, 3 * BLOCK))
    await pack(database, Packing(**SIZES))
    await store.import_thread(thread(2, 10))
    last = 3 * BLOCK + 10

    async def having(order: terms.Order, most: int) -> list[int]:
        return await database.read(
            partial(
                terms.having,
                terms=["boat"],
                how="any",
                between=(1, last),
                most=most,
                order=order,
            )
        )

    assert await having("newest", 20) == list(range(last, last - 20, -1))
    assert await having("oldest", 20) == list(range(1, 21))
    assert len(await having("", 20)) == 20
    assert await having("newest", 1_000) == list(range(last, 0, -1))


async def test_an_index_that_starts_over_is_packed_again(
    store: Store, api: httpx2.AsyncClient, database: Database, sql: Sql
) -> None:
    await store.import_thread(thread(1, 2 * BLOCK))
    await pack(database, Packing(**SIZES))
    await database.write(pending.start_over)
    assert await indexed(sql, postgres=True) == {}
    await backfill.fill(database, 0)
    await pack(database, Packing(**SIZES))
    assert await sql("SELECT count(*) FROM search_rows WHERE id <= 2 * 128") == [(0,)]
    assert await indexed(sql, postgres=True) == await scanned(sql, postgres=True)
    thread_id = await new_thread(api, ("more",))
    await add(api, thread_id, "boats")
    assert len(await walked(api, {"query": "boat"})) == 2 * BLOCK + 1


async def test_an_index_that_starts_over_while_pages_are_merged_keeps_none_of_them(
    store: Store, database: Database, sql: Sql
) -> None:
    await store.import_thread(thread(1, 2 * BLOCK))
    await pack(database, Packing(packed=BLOCK, merged=(BLOCK,)))
    found = await database.read(partial(unmerged, size=2 * BLOCK, first=0))
    is_replaced, goes_on = asyncio.Event(), asyncio.Event()

    def slowly(connection: Connection) -> None:
        assert pages.replace(connection, found, found)
        is_replaced.set()
        await_only(goes_on.wait())

    merging = asyncio.create_task(database.write(slowly))
    await is_replaced.wait()
    clearing = asyncio.create_task(database.write(pending.start_over))
    while await sql(WAITING) != [(True,)]:
        pass
    goes_on.set()
    await asyncio.gather(merging, clearing)
    assert await sql("SELECT count(*) FROM search_pages") == [(0,)]


async def test_an_index_that_starts_over_while_it_is_filled_gets_every_message(
    database: Database, database_url: str, sql: Sql
) -> None:
    store = await store_over(database)
    for number in (1, 2, 3):
        await store.import_thread(thread(number, 2))
    await database.write(pending.start_over)
    other = await asyncpg.connect(database_url)
    try:
        async with other.transaction():
            await other.execute("SELECT * FROM threads WHERE id = 'thread_2' FOR UPDATE")
            filling = asyncio.create_task(backfill.fill(database, 0))
            while await other.fetchval(WAITERS) < 1:
                pass
            starting = asyncio.create_task(database.write(pending.start_over))
            while not starting.done() and await other.fetchval(WAITERS) < 2:
                pass
    finally:
        await other.close()
    await asyncio.gather(filling, starting)
    await backfill.fill(database, 0)
    assert await indexed(sql, postgres=True) == await scanned(sql, postgres=True)
