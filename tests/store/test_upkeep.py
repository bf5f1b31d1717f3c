"""What a store does beside its requests: it erases what is too old, and old idempotency keys."""

import asyncio

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection

from backscroll.database.opening import open_database
from backscroll.database.port import Database
from backscroll.settings.keep_days import parse_days
from backscroll.store.api_errors import ApiError
from backscroll.store.app import open_store, store_over
from backscroll.store.archive.erasing import KINDS, begin, erase_some
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedResponse,
    ImportedThread,
)
from backscroll.store.recorder.responses.history import resolved
from backscroll.store.retention import RetentionClock
from backscroll.store.upkeep.expiry import DAY_S, Expired, expire
from backscroll.store.upkeep.keeping import finish_erasing, keep_up
from backscroll.store.upkeep.replies import purge_replies
from backscroll.store.upkeep.watched_clock import Seen, next_look
from tests.pace import limit_s
from tests.store.clocks import HOUR_S, Replica
from tests.store.conftest import Sql
from tests.store.replicas import client_of
from tests.store.wire import add, new_thread, page

NOW = 1_700_000_000
OLD = NOW - 31 * DAY_S
YOUNG = NOW - 29 * DAY_S
LIVING = (
    "SELECT id FROM threads WHERE deleted_at IS NULL UNION ALL"
    " SELECT id FROM conversations WHERE deleted_at IS NULL UNION ALL"
    " SELECT id FROM completions WHERE deleted_at IS NULL UNION ALL"
    " SELECT id FROM responses WHERE deleted_at IS NULL ORDER BY id"
)
MEMBERS = "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM items)"


class Watch:
    """A database's clock, and what a process measures. A test moves both."""

    def __init__(self) -> None:
        self.now_s = float(NOW)
        self.measured_s = 0.0

    def let_pass(self, seconds: float) -> None:
        self.now_s += seconds
        self.measured_s += seconds

    def clock_of(self, _connection: Connection) -> int:
        return int(self.now_s)

    def retention(self) -> RetentionClock:
        return RetentionClock(lambda: self.measured_s)


def thread_of(name: str, at: int) -> ImportedThread:
    message = ImportedMessage(role="user", content=f"in {name}", created_at=at)
    return ImportedThread(key=name, id=f"thread_{name}", created_at=at, messages=[message])


async def until_living(sql: Sql, ids: list[str]) -> None:
    async with asyncio.timeout(limit_s(20)):
        found = await sql(LIVING)
        while found != [(each,) for each in ids]:
            await asyncio.sleep(0.01)
            found = await sql(LIVING)


async def swept(database: Database, watch: Watch, days: str, **chosen: bool) -> Expired:
    """Erase what is too old, by a clock that was watched."""
    days_of = parse_days(days.split(","))
    assert days_of is not None
    return await expire(
        database, watch.retention(), days_of, clock_of=watch.clock_of, pause_s=0, **chosen
    )


async def test_what_is_too_old_is_erased_in_all_lists(database: Database, sql: Sql) -> None:
    store = await store_over(database)
    item = ImportedItem({"role": "user", "content": "x"}, key="a")
    for name, at in (("old", OLD), ("young", YOUNG)):
        await store.import_thread(thread_of(name, at))
        await store.import_conversation(
            ImportedConversation(key=name, id=f"conv_{name}", created_at=at, items=[item])
        )
        await store.import_completion(
            ImportedCompletion(
                key=name,
                id=f"chatcmpl-{name}",
                created_at=at,
                model="m",
                choices=[],
                messages=[{"role": "user", "content": "x"}],
            )
        )
        await store.import_response(
            ImportedResponse(
                key=name,
                id=f"resp_{name}",
                created_at=at,
                input=[{"role": "user", "content": "x"}],
                output=[],
            )
        )
    found = await swept(database, Watch(), "30", trusts_clock=True)
    assert found == Expired(erased=4, waiting=0)
    assert await sql(LIVING) == [
        *(("chatcmpl-young",), ("conv_young",), ("resp_young",), ("thread_young",)),
    ]
    assert await sql(MEMBERS) == [(2,)]
    assert await sql("SELECT count(*) FROM completion_messages") == [(1,)]
    assert await sql("SELECT count(*) FROM response_items") == [(1,)]
    assert await sql("SELECT * FROM erasing") == []
    assert (await store.import_thread(thread_of("old", OLD))).kind == "forgotten"


async def test_what_has_anything_younger_stays_whatever_its_last_activity_is(
    database: Database, sql: Sql
) -> None:
    """An import may give an older last activity, or none."""
    store = await store_over(database)
    said = {"role": "user", "content": "x"}
    conversation = ImportedConversation(key="young", id="conv_young", created_at=OLD, items=[])
    for name, at in (("young", YOUNG), ("old", OLD), ("wrong", NOW * 1_000)):
        items = [ImportedItem(said, at, "a"), ImportedItem(said, OLD, "b")]
        own = replace(conversation, key=name, id=f"conv_{name}", items=items)
        await store.import_conversation(replace(own, last_active_at=OLD))
    thread = thread_of("late", OLD)
    young = replace(thread.messages[0], created_at=YOUNG)
    await store.import_thread(replace(thread, messages=[young, *thread.messages]))
    await store.import_thread(replace(thread, key="made", id="thread_made", created_at=YOUNG))
    found = await swept(database, Watch(), "30", trusts_clock=True)
    assert found == Expired(erased=2, waiting=0)
    assert await sql(LIVING) == [("conv_young",), ("thread_late",), ("thread_made",)]


async def test_each_partition_keeps_what_is_in_it_for_as_long_as_is_said(
    database: Database, sql: Sql
) -> None:
    store = await store_over(database)
    for partition in ("", "short", "ever", "other"):
        named = f"p{partition}"
        await store.import_thread(thread_of(f"{named}-old", OLD), partition)
        await store.import_thread(thread_of(f"{named}-young", YOUNG), partition)
    found = await swept(database, Watch(), "30,short=7,ever=0,=28", trusts_clock=True)
    assert found.erased == 5
    assert await sql(LIVING) == [
        *(("thread_pever-old",), ("thread_pever-young",), ("thread_pother-young",)),
    ]


async def test_a_long_conversation_is_erased_in_steps_while_it_is_already_gone_for_everyone(
    database: Database, sql: Sql
) -> None:
    store = await store_over(database)
    messages = [
        ImportedMessage(role="user", content=f"quisquilian {at}", created_at=OLD)
        for at in range(100)
    ]
    await store.import_thread(replace(thread_of("long", OLD), messages=messages))
    await store.import_thread(thread_of("other", OLD))
    [thread, *_] = KINDS

    def first_step(connection: Connection) -> bool:
        assert begin(connection, "", thread, "thread_long", NOW)
        return erase_some(connection, 30)

    assert not await database.write(first_step)
    assert await sql(MEMBERS) == [(71,)]
    async with client_of(store) as api:
        assert (await api.get("/threads/thread_long")).status_code == 404
        assert (await page(api, "/search", query="quisquilian"))["data"] == []
        written = await api.post(
            "/threads/thread_long/messages", json={"role": "user", "content": "late"}
        )
        assert written.status_code == 404
    # Another process goes on.
    await finish_erasing(database)
    assert await sql(MEMBERS) == [(1,)]
    assert await sql("SELECT * FROM erasing") == []
    assert await sql("SELECT metadata, import_key FROM threads ORDER BY position") == [
        *((None, None), ("{}", "other")),
    ]


async def test_no_reference_finds_an_item_of_a_response_that_is_being_erased(
    database: Database,
) -> None:
    store = await store_over(database)
    item = {"type": "message", "role": "assistant", "id": "msg_1", "content": "secret"}
    await store.import_response(
        ImportedResponse(key="a", id="resp_1", created_at=OLD, input=[], output=[item])
    )
    reference = {"type": "item_reference", "id": "msg_1"}
    [found] = await resolved(database, "", [reference])
    assert found["id"] == "msg_1"
    *_, response = KINDS
    assert await database.write(lambda connection: begin(connection, "", response, "resp_1", NOW))
    with pytest.raises(ApiError, match="msg_1"):
        await resolved(database, "", [reference])


async def test_what_was_active_again_in_the_meantime_stays(database: Database, sql: Sql) -> None:
    store = await store_over(database)
    await store.import_thread(thread_of("old", OLD))
    [thread, *_] = KINDS
    async with client_of(store) as api:
        await add(api, "thread_old", "again")
    begun = await database.write(
        lambda connection: begin(connection, "", thread, "thread_old", NOW, before_s=YOUNG - 1)
    )
    assert not begun
    assert await sql(LIVING) == [("thread_old",)]


async def test_a_jump_of_the_clock_erases_nothing(database: Database, sql: Sql) -> None:
    store = await store_over(database)
    watch = Watch()
    await store.import_thread(thread_of("young", NOW - DAY_S))
    await store.import_thread(thread_of("now", NOW))
    await swept(database, watch, "30", trusts_clock=True)
    watch.now_s += 25 * 365 * DAY_S
    retention = watch.retention()
    days_of = parse_days(["30"])
    assert days_of is not None
    for _ in range(25):  # a day, hour by hour
        found = await expire(
            database, retention, days_of, clock_of=watch.clock_of, at_once=True, pause_s=0
        )
        assert found == Expired(erased=0, waiting=2)
        watch.let_pass(HOUR_S)
    watch.now_s -= 25 * 365 * DAY_S  # put right
    found = await expire(
        database, retention, days_of, clock_of=watch.clock_of, at_once=True, pause_s=0
    )
    assert found == Expired(erased=0, waiting=0)
    assert await sql(LIVING) == [("thread_now",), ("thread_young",)]


@pytest.mark.parametrize("kind", ["completion", "response"])
async def test_a_clock_that_was_always_wrong_erases_nothing_of_a_recorder(
    database: Database, sql: Sql, kind: str
) -> None:
    store = await store_over(database)
    for name, at in (("now", NOW), ("wrong", NOW * 1_000)):
        if kind == "completion":
            await store.import_completion(
                ImportedCompletion(
                    key=name, id=name, created_at=at, model="m", choices=[], messages=[]
                )
            )
        else:
            await store.import_response(
                ImportedResponse(key=name, id=name, created_at=at, input=[], output=[])
            )
    watch = Watch()
    watch.now_s += 25 * 365 * DAY_S
    assert await swept(database, watch, "30") == Expired(erased=0, waiting=1)
    assert await sql(LIVING) == [("now",), ("wrong",)]


async def test_time_without_a_server_is_trusted_bit_by_bit(database: Database, sql: Sql) -> None:
    store = await store_over(database)
    watch = Watch()
    await store.import_thread(thread_of("old", NOW - 29 * DAY_S))
    await store.import_thread(thread_of("now", NOW))
    await swept(database, watch, "30", at_once=True)
    watch.now_s += 2 * DAY_S  # no process runs
    retention = watch.retention()
    days_of = parse_days(["30"])
    assert days_of is not None
    erased = []
    for _ in range(4):
        found = await expire(
            database, retention, days_of, clock_of=watch.clock_of, at_once=True, pause_s=0
        )
        erased.append(found.erased)
        watch.let_pass(HOUR_S)
    assert erased == [0, 1, 0, 0]
    assert await sql(LIVING) == [("thread_now",)]


@pytest.mark.parametrize(
    ("measured_s", "moved_s", "trusted_s"),
    [
        pytest.param(600, 600, 600, id="all is well"),
        pytest.param(0, 600, 0, id="nobody measured"),
        pytest.param(600, 100_000, 600, id="it jumped meanwhile"),
        pytest.param(600, -100_000, -100_000, id="it was put back"),
        pytest.param(600, 901, 600, id="it goes too fast"),
        pytest.param(600, 900, 900, id="nobody measured the last five minutes"),
    ],
)
def test_the_trusted_time_goes_on_as_measured(
    measured_s: int, moved_s: int, trusted_s: int
) -> None:
    before = Seen(elapsed_ms=5_000, clock_s=NOW, trusted_s=NOW)
    seen = next_look(before, 5_000 + measured_s * 1000, NOW + moved_s)
    assert seen.trusted_s - NOW == trusted_s


def test_a_clock_that_is_wrong_for_a_day_moves_the_trusted_time_by_25_days_at_most() -> None:
    seen = Seen(elapsed_ms=0, clock_s=NOW, trusted_s=NOW)
    wrong = 10_000 * DAY_S
    for hour in range(25):
        seen = next_look(seen, hour * 3_600_000, int(NOW + wrong + hour * HOUR_S))
    assert seen.trusted_s - NOW == 25 * DAY_S


async def test_a_sweep_begins_at_most_once_an_hour(database: Database) -> None:
    store = await store_over(database)
    watch = Watch()
    days_of = parse_days(["30"])
    assert days_of is not None
    retention = watch.retention()
    erased = []
    for number in range(9):
        await store.import_thread(thread_of(f"old-{number}", OLD))
        found = await expire(
            database,
            retention,
            days_of,
            clock_of=watch.clock_of,
            trusts_clock=True,
            pause_s=0,
        )
        erased.append(found.erased)
        watch.let_pass(600)
    assert erased == [1, 0, 0, 0, 0, 0, 6, 0, 0]


async def test_the_clock_of_the_database_is_used_if_none_is_given(
    database: Database, sql: Sql
) -> None:
    store = await store_over(database)
    await store.import_thread(thread_of("old", 1_000))
    days_of = parse_days(["36500"])
    assert days_of is not None
    found = await expire(database, Watch().retention(), days_of, trusts_clock=True, pause_s=0)
    assert found == Expired(0, 0)
    days_of = parse_days(["3"])
    assert days_of is not None
    found = await expire(
        database, Watch().retention(), days_of, at_once=True, trusts_clock=True, pause_s=0
    )
    assert found == Expired(1, 0)
    assert await sql(LIVING) == []


async def test_an_open_store_erases_in_the_background(database_url: str, sql: Sql) -> None:
    async with open_store(database_url) as store:
        await store.import_thread(thread_of("old", 1_000))
        await store.import_thread(thread_of("new", 4_000_000_000))
    async with open_store(database_url, days_of=parse_days(["30"]), upkeep_after_s=0):
        await until_living(sql, ["thread_new"])


async def test_keys_are_removed_although_nobody_writes_any_more(
    database_url: str, sql: Sql
) -> None:
    replica = Replica(database_url)
    thread_id = await new_thread(await replica.api())
    for number in range(20):
        await replica.write(thread_id, f"old-{number}")
    passed = 0.0
    async with open_database(database_url, "store") as database:
        retention = RetentionClock(lambda: passed)
        purged = []
        for _ in range(30):
            purged.append(await purge_replies(database, retention, 0))
            passed += HOUR_S
    await replica.close()
    # Nothing in the first 25 hours: the reading of an hour may have begun before the keys did.
    assert sum(purged[:26]) == 0
    assert sum(purged) == 20
    assert await sql("SELECT count(*) FROM idempotency") == [(0,)]


async def test_an_idle_store_writes_nothing(database: Database, sql: Sql) -> None:
    before = await sql("SELECT * FROM retention_clock")
    assert await purge_replies(database, RetentionClock(lambda: 1e6), 0) == 0
    assert await purge_replies(database, RetentionClock(lambda: 2e6), 0) == 0
    assert await sql("SELECT * FROM retention_clock") == before


async def test_the_background_goes_on_round_after_round(database_url: str, sql: Sql) -> None:
    async with open_database(database_url, "store") as database:
        store = await store_over(database)
        await store.import_thread(thread_of("old", 1_000))
        await store.import_thread(thread_of("new", 4_000_000_000))
        asked: list[str] = []

        def days_of(partition: str) -> int:
            asked.append(partition)
            return 30 if len(asked) > 1 else 0

        retention = RetentionClock(lambda: float(len(asked)) * HOUR_S)
        task = asyncio.create_task(keep_up(database, retention, days_of, round_s=0.01))
        await until_living(sql, ["thread_new"])
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
