"""Agents, servers, network and store break no promise in a simulated world of faults."""

import hashlib
import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, get_args

import pytest
from sqlalchemy.engine.interfaces import DBAPIConnection

from tests.faults.figures import sized
from tests.simulation.whole.__main__ import main, replay, shrunk
from tests.simulation.whole.faults import Fault, Kind
from tests.simulation.whole.store import App, Parts
from tests.simulation.whole.turns import Turns
from tests.simulation.whole.world import Report, run_seed

ROOT: Final = Path(__file__).parents[2]
SEEDS: Final = sized(quick=4, long=1_000)
BLOCK: Final = 2
STORMY: Final = 27
"""A seed with faults of every kind."""


def digest(report: Report) -> str:
    return hashlib.sha256("\n".join(report.log).encode()).hexdigest()


def remembers_keys_in_memory() -> Callable[[App], App]:
    """Return how to serve a store of which each process knows only its own idempotency keys."""
    processes = itertools.count()

    def of_process(app: App) -> App:
        name = f"-{next(processes)}".encode()

        async def serve(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - as in ASGI
            headers = [
                (key, value + name if key == b"idempotency-key" else value)
                for key, value in scope["headers"]
            ]
            await app({**scope, "headers": headers}, receive, send)

        return serve

    return of_process


def ends_lists(app: App) -> App:
    """Return a store whose lists never have more."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - as in ASGI
        async def sent(message: Any) -> None:  # noqa: ANN401 - as in ASGI
            body = message.get("body", b"").replace(b'"has_more":true', b'"has_more":false')
            await send({**message, "body": body} if "body" in message else message)

        await app(scope, receive, sent)

    return serve


class Unjournaled(Turns):
    """A database that keeps its journal in memory, so that a kill in a transaction damages it."""

    def watch(self, connection: DBAPIConnection, record: object) -> None:
        super().watch(connection, record)
        connection.cursor().execute("PRAGMA journal_mode = MEMORY")


@pytest.mark.parametrize("first", range(0, SEEDS, BLOCK))
def test_no_schedule_of_faults_breaks_a_promise(first: int) -> None:
    reports = (run_seed(seed) for seed in range(first, first + BLOCK))
    broken = {
        replay(each.seed, shrunk(each.seed, each.faults)): each.violations
        for each in reports
        if each.violations
    }

    assert broken == {}


def test_a_seed_is_the_same_run_in_every_process() -> None:
    """Neither chance, real time nor the order of sets matters."""
    code = f"from tests.simulation.test_whole import *; print(digest(run_seed({STORMY})))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        check=True,
    )
    report = run_seed(STORMY)

    assert {fault.kind for fault in report.faults} == set(get_args(Kind))
    assert digest(report) == done.stdout.decode().strip()


def test_a_run_is_replayed_from_the_text_of_its_faults() -> None:
    report = run_seed(STORMY)

    assert run_seed(STORMY, [Fault.parse(str(fault)) for fault in report.faults]) == report


def test_without_faults_every_call_succeeds() -> None:
    report = run_seed(STORMY, [])
    calls = [line for line in report.log if " -> " in line]

    assert (report.faults, report.endings, report.kills) == ((), {"done": len(calls)}, 1)


@pytest.mark.parametrize("text", ["", "a3", "a3:burnt=1", "a:unread=1", "a3:unread=x"])
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|invalid literal|could not convert"):
        Fault.parse(text)


@pytest.mark.parametrize(
    ("seed", "parts", "expected"),
    [
        pytest.param(7, Parts(serve=ends_lists), [], id="ends lists"),
        pytest.param(
            47, Parts(serve=remembers_keys_in_memory()), ["kill"], id="remembers keys in memory"
        ),
    ],
)
def test_a_broken_store_is_found_and_only_the_fault_that_matters_is_left(
    seed: int, parts: Parts, expected: list[str]
) -> None:
    report = run_seed(seed, parts=parts)
    left = shrunk(seed, report.faults, parts)

    assert report.violations
    assert [fault.kind for fault in left] == expected
    assert run_seed(seed, left).violations == ()


def test_a_kill_in_a_transaction_leaves_a_journal_without_which_messages_are_lost() -> None:
    faults = [Fault.parse("a2:kill=10")]

    assert run_seed(12, faults, Parts(turns=Unjournaled)).violations
    assert run_seed(12, faults).violations == ()


def test_the_command_of_a_failed_run_replays_it(capsys: pytest.CaptureFixture[str]) -> None:
    faults = [Fault("a", 2, "kill", 10), Fault("b", 0, "unread", 1.25)]
    command = replay(STORMY, faults)

    assert (
        command == f"python -m tests.simulation.whole {STORMY} --faults a2:kill=10 b0:unread=1.25"
    )
    assert main(command.split()[3:]) == 0
    assert capsys.readouterr().out.splitlines() == [*run_seed(STORMY, faults).log]
