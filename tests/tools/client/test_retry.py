"""When a request is sent again: pure rules, for any numbers."""

import math
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll_tools.client import retry
from backscroll_tools.client.retry import RetryBudget

ATTEMPT = st.integers(1, 1_000)
SECONDS = st.floats(0, 1e9)
CHANCE = st.floats(0, 1)


@given(ATTEMPT, SECONDS, CHANCE)
def test_a_pause_is_never_shorter_than_asked_and_its_jitter_has_a_cap(
    attempt: int, retry_after_s: float, chance: float
) -> None:
    pause = retry.pause_s(attempt, retry_after_s, chance)
    longest = min(retry.CAP_S, retry.BASE_S * 2 ** min(attempt - 1, 10))
    assert retry_after_s <= pause <= retry_after_s + longest


@given(ATTEMPT, CHANCE)
def test_jitter_is_full(attempt: int, chance: float) -> None:
    assert retry.pause_s(attempt, 0, 0) == 0
    assert retry.pause_s(attempt, 0, chance) == chance * retry.pause_s(attempt, 0, 1)
    assert retry.pause_s(attempt, 0, 1) <= retry.pause_s(attempt + 1, 0, 1)


@given(st.floats(0.001, 1e6))
def test_attempts_that_get_no_answer_leave_time_until_one_takes_the_rest(left_s: float) -> None:
    for attempt in range(1, retry.PATIENT):
        taken = retry.patience_s(attempt, left_s)
        assert taken == left_s / 2
        left_s -= taken
    assert retry.patience_s(retry.PATIENT, left_s) == math.inf


@given(st.lists(st.booleans(), max_size=300))
def test_a_budget_never_gives_more_than_it_holds_and_earns(successes: list[bool]) -> None:
    budget = RetryBudget()
    given_out = 0
    for succeeded in successes:
        if succeeded:
            budget.earn()
        else:
            given_out += budget.spend()
        assert 0 <= budget.left <= budget.most
    assert given_out <= budget.most + budget.earned * sum(successes)


def test_an_outage_gets_ten_retries_and_no_more() -> None:
    budget = RetryBudget()
    assert [budget.spend() for _ in range(12)] == [True] * 10 + [False] * 2


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "12.5", "retry-after": "7"}, 0.0125),
        ({"retry-after-ms": "x", "retry-after": "7"}, 7),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "-1"}, 0),
        ({"retry-after": "soon"}, 0),
        ({"retry-after": "9" * 30}, 0),
        ({"retry-after": "nan"}, 0),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}, 0),
    ],
)
def test_what_an_upstream_asks_for_is_read_as_seconds(
    headers: dict[str, str], seconds: float
) -> None:
    assert retry.retry_after_s(headers, 1_700_000_000.0) == seconds


def test_a_date_to_come_again_at_is_read_as_seconds_from_now() -> None:
    headers = {"retry-after": formatdate(1_700_000_030, usegmt=True)}
    assert retry.retry_after_s(headers, 1_700_000_000.0) == 30


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms"]), st.text()))
def test_no_header_is_read_as_a_pause_that_cannot_be(headers: dict[str, str]) -> None:
    assert 0 <= retry.retry_after_s(headers, 1_700_000_000.0) < math.inf
