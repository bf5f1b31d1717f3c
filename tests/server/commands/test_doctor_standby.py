"""`backscroll doctor` says whether reads can come from the standby, and if not, why."""

from collections.abc import Iterator
from functools import partial

import pytest
from msgspec.structs import replace

from backscroll.commands.doctor.diagnosis import Check
from backscroll.commands.doctor.examination import examine
from backscroll.commands.doctor.standby_check import check_standby
from backscroll.database.opening import open_database
from backscroll.database.postgres_address import parse
from backscroll.database.postgres_standby import open_standby, position_of
from backscroll.database.postgres_standby_state import StandbyState, why_behind
from backscroll.settings.loading import load, sources
from backscroll.store.app import open_store
from tests.pace import limit_s
from tests.postgres import PostgresServer
from tests.postgres_cluster import Cluster, cluster
from tests.store.replicas import client_of
from tests.store.wire import new_thread


@pytest.fixture(scope="module")
def servers() -> Iterator[Cluster]:
    with cluster("fsync=off") as running:
        yield running


@pytest.fixture
def others() -> Iterator[Cluster]:
    """Run servers for a test that leaves no standby."""
    with cluster("fsync=off") as running:
        yield running


async def checked(url: str, servers: Cluster, catch_up_s: float = limit_s(10)) -> Check:
    """Check a standby of the cluster's primary, without the response time."""
    return replace(await check_standby(url, servers.primary_url, catch_up_s), ms=None)


async def test_a_standby_that_has_replayed_everything_is_well(servers: Cluster) -> None:
    environ = {
        "BACKSCROLL_DATABASE": servers.primary_url,
        "BACKSCROLL_DATABASE_READ": servers.standby_url,
    }
    # Its first connection makes all tables, which may take longer to replay than `examine` waits.
    assert (await checked(servers.standby_url, servers)).verdict == "ok"
    diagnosis = await examine(load({}, environ), sources({}, environ), environ)
    async with servers.connection(servers.standby_url) as operator:
        release = await operator.fetchval("SHOW server_version")

    (check,) = [check for check in diagnosis.checks if check.name == "standby"]
    detail = f"PostgreSQL {release}, has replayed what the primary has committed"
    assert (check.verdict, check.detail, check.next_step) == ("ok", detail, "")


async def test_a_standby_that_is_paused_is_said_to_be_behind(servers: Cluster) -> None:
    async with (
        open_store(servers.primary_url) as store,
        client_of(store) as api,
        servers.connection(servers.standby_url) as operator,
    ):
        await new_thread(api, ("a",))
        assert (await checked(servers.standby_url, servers)).verdict == "ok"
        await operator.execute("SELECT pg_wal_replay_pause()")
        try:
            while await operator.fetchval("SELECT pg_get_wal_replay_pause_state()") != "paused":
                pass
            await new_thread(api, ("b",))
            check = await checked(servers.standby_url, servers, 0)
        finally:
            await operator.execute("SELECT pg_wal_replay_resume()")
    assert check.verdict == "warning"
    assert check.detail.startswith("is paused, and is ")
    assert " bytes behind; the newest commit there is " in check.detail
    assert check.next_step.startswith("Run SELECT pg_wal_replay_resume() on the standby.")


async def test_another_server_than_a_standby_of_the_primary_is_named_as_what_it_is(
    servers: Cluster, postgres: PostgresServer
) -> None:
    await servers.execute("CREATE DATABASE other")
    await servers.execute("CREATE ROLE reader LOGIN PASSWORD 'reader'")
    other = f"{servers.standby_url.rpartition('/')[0]}/other"
    assert (await checked(servers.standby_url, servers)).verdict == "ok"  # after it has `other`
    async with postgres.database() as elsewhere:
        found = [
            await checked(url, servers)
            for url in (
                servers.primary_url,
                elsewhere,
                other,
                f"{servers.standby_url}?search_path=nowhere",
                f"postgresql://reader:reader@{servers.standby_url.rpartition('@')[2]}",
            )
        ]
    await servers.execute("DROP ROLE reader")
    await servers.execute("DROP DATABASE other WITH (FORCE)")

    assert [(check.verdict, check.detail) for check in found] == [
        ("warning", "is the primary itself"),
        ("warning", "is not a copy of the server of BACKSCROLL_DATABASE"),
        ("warning", "has another database than BACKSCROLL_DATABASE: other"),
        ("warning", "has no tables of this schema that its user can read"),
        ("warning", "has no tables of this schema that its user can read"),
    ]
    assert all("all reads go to the primary" in check.next_step for check in found)


async def test_a_standby_that_cannot_be_reached_is_said_to_be_without_its_password(
    servers: Cluster,
) -> None:
    password = servers.standby_url.replace("@", "wrong@")
    refused = await checked(password, servers)
    nobody = await checked("postgresql://ann:sk-canary@127.0.0.1:1/talks", servers)

    assert "check the user and password in BACKSCROLL_DATABASE_READ" in refused.detail
    assert "wrong" not in repr(refused)
    assert nobody == Check(
        "standby",
        "warning",
        "postgresql://127.0.0.1:1/talks cannot be reached: Connection refused",
        next_step="Start it, or fix or unset BACKSCROLL_DATABASE_READ. "
        "Until then, all reads go to the primary.",
    )


async def test_a_standby_on_an_old_timeline_did_not_follow_a_promotion(servers: Cluster) -> None:
    state = StandbyState("1", "talks")
    async with open_database(servers.primary_url, "store") as primary:
        position = await primary.read(position_of)
    assert position is not None
    standby = await open_standby(parse(servers.standby_url), 1)
    ahead = ("FFFFFF/0", position[1])
    promoted = (position[0], position[1] + 1)
    behind = await standby.read(partial(why_behind, state, ahead))
    unpromoted = await standby.read(partial(why_behind, state, promoted))
    await standby.close()

    assert behind.obstacle == "behind"
    assert behind.behind_bytes > 1 << 50
    assert unpromoted.obstacle == "unpromoted"


async def test_a_standby_that_has_taken_over_is_no_standby(others: Cluster) -> None:
    async with open_database(others.primary_url, "store"):
        pass
    await others.execute("ALTER SYSTEM RESET synchronous_standby_names")
    await others.execute("SELECT pg_reload_conf()")
    async with others.connection(others.standby_url) as operator:
        assert await operator.fetchval("SELECT pg_promote()")
    check = await checked(others.standby_url, others)

    assert (check.verdict, check.detail) == ("warning", "is not a standby: it can be written to")
    assert check.next_step.startswith("If it has taken over, set BACKSCROLL_DATABASE to it")


@pytest.mark.parametrize("database", ["sqlite:///nowhere/x.db", "sqlite://"])
async def test_only_a_database_of_postgresql_has_a_standby(database: str) -> None:
    environ = {
        "BACKSCROLL_DATABASE": database,
        "BACKSCROLL_DATABASE_READ": "postgresql://ann:sk-canary@127.0.0.1:1/talks",
    }
    diagnosis = await examine(load({}, environ), sources({}, environ), environ)

    (check, *_) = diagnosis.checks
    detail = "BACKSCROLL_DATABASE_READ and BACKSCROLL_DATABASE must both be postgresql:// URLs"
    assert check == Check("standby", "failed", detail, next_step="Unset BACKSCROLL_DATABASE_READ.")
    assert not diagnosis.is_well
