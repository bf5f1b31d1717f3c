from collections.abc import Callable

import pytest

from bench.figures import Claim, Figure, Outcome, figure, interleaved, percentile, ratio
from bench.trial import Scale, Trial


def test_a_figure_is_the_median_and_its_quartiles() -> None:
    assert figure("a page", "ms", [4, 1, 3, 2, 5]) == Figure("a page", "ms", 3, 2, 4, 5)


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    # The second round was slow for both: the ratio of the medians would be 2/3.
    found = ratio("ours by theirs", [1, 20, 2], [2, 40, 3], most=0.5)

    assert found == Claim("ours by theirs", 0.5, most=0.5)
    assert found.holds


@pytest.mark.parametrize(
    ("least", "most", "holds"),
    [(None, None, True), (2, None, True), (2.1, None, False), (None, 2, True), (None, 1.9, False)],
)
def test_a_claim_holds_up_to_its_bounds(
    least: float | None, most: float | None, holds: bool
) -> None:
    assert Claim("rate", 2, least, most).holds is holds
    assert Outcome(claims=(Claim("rate", 2, least, most),)).holds is holds


def test_what_could_not_be_measured_does_not_hold() -> None:
    assert not Outcome(failure="the peer is missing").holds


def test_contenders_take_turns_forwards_and_backwards() -> None:
    turns: list[str] = []

    def contender(name: str) -> Callable[[], float]:
        def sample() -> float:
            turns.append(name)
            return len(turns)

        return sample

    samples = interleaved({name: contender(name) for name in "abc"}, iter(range(2)))

    assert turns == ["a", "b", "c", "c", "b", "a"]
    assert samples == {"a": [1, 6], "b": [2, 5], "c": [3, 4]}


def test_a_percentile_has_that_share_of_the_samples_below() -> None:
    assert percentile(range(101), 95) == 95


@pytest.mark.parametrize(
    ("scale", "calls", "rounds"), [("quick", 4, 2), ("usual", 20, 9), ("long", 100, 9)]
)
def test_the_scale_says_how_much_is_measured(scale: Scale, calls: int, rounds: int) -> None:
    trial = Trial(lambda total, _what: iter(range(total)), scale)

    assert trial.size(20, quick=4, long=100) == calls
    assert len(list(trial.rounds(9, "calling"))) == rounds
