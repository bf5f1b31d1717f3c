"""How long is waited and what may be spent, to the number."""

import math

import pytest

from backscroll_tools.client import retry
from backscroll_tools.client.retry import RetryBudget


@pytest.mark.parametrize(
    ("attempt", "longest"), [(1, 0.25), (2, 0.5), (3, 1), (4, 2), (5, 4), (6, 8), (7, 8), (50, 8)]
)
def test_pauses_grow_twofold_to_a_cap_and_are_drawn_from_nothing_on(
    attempt: int, longest: float
) -> None:
    assert retry.pause_s(attempt, 0, 0) == 0
    assert retry.pause_s(attempt, 0, 1) == longest
    assert retry.pause_s(attempt, 3, 0.5) == 3 + longest / 2


def test_two_attempts_leave_half_of_the_time_and_the_third_takes_all() -> None:
    patience = [retry.patience_s(attempt, 60) for attempt in (1, 2, 3, 4)]
    assert patience == [30, 30, math.inf, math.inf]


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
