"""When a request is sent again: what an upstream asks for, what is drawn, what an outage gets."""

import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll_tools.client import retry
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import COMPATIBLE, Upstream
from backscroll_tools.client.retry import RetryBudget
from backscroll_tools.errors import ToolError
from backscroll_tools.messages.list_messages import LIST_MESSAGES
from backscroll_tools.tool import Call
from tests.simulation import clock
from tests.simulation.faults import Fault
from tests.simulation.upstream import MemoryUpstream


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "12ms", "retry-after": "7"}, 7),
        ({"retry-after": "-1"}, 0),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "soon"}, 0),
        ({"retry-after": "nan"}, 0),
        ({"retry-after": "1" * 10}, 0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({"retry-after": "Wed, 99 Oct 99999 07:28:00 GMT"}, 0),
    ],
)
def test_a_pause_is_read_where_it_can_be(headers: Mapping[str, str], seconds: float) -> None:
    assert retry.asked_s(headers) == seconds


def test_a_date_is_a_pause_until_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000.0)
    assert retry.asked_s({"retry-after": formatdate(1_090, usegmt=True)}) == 90
    assert retry.asked_s({"retry-after": formatdate(910, usegmt=True)}) == 0


@pytest.mark.parametrize(
    ("attempt", "longest"), [(1, 0.25), (2, 0.5), (3, 1), (4, 2), (5, 4), (6, 8), (7, 8), (50, 8)]
)
def test_pauses_grow_twofold_to_a_cap_and_are_drawn_from_nothing_on(
    attempt: int, longest: float
) -> None:
    assert retry.pause_s(attempt, 0, 0) == 0
    assert retry.pause_s(attempt, 0, 1) == longest
    assert retry.pause_s(attempt, 0, 0.5) == longest / 2


@given(st.integers(1, 20), st.floats(0, 1e6), st.floats(0, 1))
def test_no_pause_is_shorter_than_what_was_asked_for(
    attempt: int, asked_s: float, chance: float
) -> None:
    assert asked_s <= retry.pause_s(attempt, asked_s, chance) <= asked_s + retry.CAP_S


def test_two_attempts_leave_half_of_the_time_and_the_third_takes_all() -> None:
    assert [retry.patience_s(attempt, 60) for attempt in (1, 2, 3, 4)] == [
        30,
        30,
        math.inf,
        math.inf,
    ]


def test_a_budget_of_ten_retries_is_spent_and_a_tenth_of_each_success_earned() -> None:
    budget = RetryBudget()
    assert [budget.spend() for _ in range(12)] == [True] * 10 + [False] * 2
    for _ in range(9):
        budget.earn()
    assert not budget.spend()
    budget.earn()
    budget.earn()
    assert [budget.spend(), budget.spend()] == [True, False]


def test_successes_earn_no_more_than_ten_retries() -> None:
    budget = RetryBudget(left=9.95)
    budget.earn()
    assert budget.left == 10
    budget.earn()
    assert [budget.spend() for _ in range(11)] == [True] * 10 + [False]


@dataclass
class Outage:
    """Every request is refused at once."""

    rng: random.Random = field(default_factory=random.Random)

    def next(self) -> Fault:
        return Fault(503, None, 0.0)


def test_an_outage_gets_the_calls_and_ten_retries_in_all() -> None:
    asked: list[str] = []
    upstream = MemoryUpstream(Outage(), honours_keys=False, asked=lambda r: asked.append(r.method))
    assert clock.run(_hundred_reads(upstream)) == ["upstream_unavailable"] * 100
    assert len(asked) == 110


async def _hundred_reads(upstream: MemoryUpstream) -> list[str]:
    endings: list[str] = []
    async with httpx2.AsyncClient(transport=upstream, trust_env=False, timeout=None) as http:
        client = Client(http, Upstream(COMPATIBLE, "http://u.invalid/v1"), chance=lambda: 0.5)
        for _ in range(100):
            try:
                await LIST_MESSAGES.run(Call(client), {"thread_id": "thread_1"})
            except ToolError as error:
                endings.append(error.code)
    return endings
