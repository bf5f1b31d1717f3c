"""What `since` and `until` mean."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll_tools.errors import ToolError
from backscroll_tools.periods import Period, period

NOW = datetime(2026, 3, 31, 12, 30, tzinfo=UTC)
NOW_S = int(NOW.timestamp())


def _at(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]  # the zone is no part


@pytest.mark.parametrize(
    ("text", "since_s", "until_s"),
    [
        ("2026-02-28", _at(2026, 2, 28), _at(2026, 3, 1)),
        ("2025-12", _at(2025, 12, 1), _at(2026, 1, 1)),
        ("2025", _at(2025, 1, 1), _at(2026, 1, 1)),
        ("2026-03-01T10:05", _at(2026, 3, 1, 10, 5), _at(2026, 3, 1, 10, 5)),
        ("2026-03-01 10:05:07Z", _at(2026, 3, 1, 10, 5, 7), _at(2026, 3, 1, 10, 5, 7)),
        ("2026-03-01T10:05+02:00", _at(2026, 3, 1, 8, 5), _at(2026, 3, 1, 8, 5)),
        ("1700000000", 1_700_000_000, 1_700_000_000),
        ("12h", NOW_S - 43_200, NOW_S - 43_200),
        ("7d", NOW_S - 7 * 86_400, NOW_S - 7 * 86_400),
        ("2w", NOW_S - 14 * 86_400, NOW_S - 14 * 86_400),
        ("1m", _at(2026, 2, 28, 12, 30), _at(2026, 2, 28, 12, 30)),
        ("3m", _at(2025, 12, 31, 12, 30), _at(2025, 12, 31, 12, 30)),
        ("1y", _at(2025, 3, 31, 12, 30), _at(2025, 3, 31, 12, 30)),
        ("1969", 0, 0),
        ("20260228", _at(2026, 2, 28), _at(2026, 3, 1)),
        ("999999h", 1800, 1800),
    ],
)
def test_a_period_begins_and_ends_where_the_words_say(
    text: str, since_s: int, until_s: int
) -> None:
    assert period({"since": text}, NOW_S) == Period(since_s, None)
    assert period({"until": text}, NOW_S) == Period(None, until_s)


def test_no_words_are_no_limit() -> None:
    assert not period({}, NOW_S)
    assert not period({"since": "", "until": ""}, NOW_S)
    assert 5 in Period() and 5 in Period(5, 6) and 6 not in Period(5, 6) and 4 not in Period(5)  # noqa: PT018 - one fact


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-13", "2026-02-30", "7", "7D", "10:00", "٣d", "2026-00", "2026-W10"]
)
def test_words_that_are_no_time_are_refused_with_examples(text: str) -> None:
    with pytest.raises(ToolError) as caught:
        period({"until": text}, NOW_S)
    assert (caught.value.code, caught.value.message) == (
        "invalid_arguments",
        "until is not a date, a time or an age.",
    )
    assert "7d" in str(caught.value.next_step)


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ToolError, match="until is not after since"):
        period({"since": "2026-02", "until": "2026-01"}, NOW_S)


@pytest.mark.parametrize("text", ["9999-12-31", "9999-12", "9999"])
def test_the_last_date_is_a_time_too(text: str) -> None:
    assert period({"until": text}, NOW_S) == Period(None, _at(9999, 12, 31) + 86_399)


@given(text=st.text("0123456789-:TZ+hdwmy .", max_size=25) | st.text(), now=st.integers(0, 10**10))
def test_any_words_are_a_time_or_refused(text: str, now: int) -> None:
    with suppress(ToolError):
        found = period({"since": text}, now)
        assert found.since_s is None or 0 <= found.since_s < 10**12
