"""The time at the upstream is told by its replies, to within a second and the way there."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll_tools.client.upstream_clock import LATEST_S, UpstreamClock, unix_s

NOW: float = 1_700_000_000.0


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
        ("Sun Nov  6 08:49:37 1994", 784_111_777),
        ("Sun, 06 Nov 1994 08:49:37 -0000", 784_111_777),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
        ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ("soon", None),
        ("", None),
    ],
)
def test_all_forms_of_an_http_date_are_in_utc(date: str, seconds: float | None) -> None:
    assert unix_s(date) == seconds


@given(
    st.floats(0, 1e9),
    st.floats(-1e9, 1e9),
    st.floats(0, 60),
    st.floats(0, 1),
    st.floats(0, 1e5),
)
def test_a_stamp_is_never_early_and_its_age_never_too_high(
    booted_s: float, wall_s: float, took_s: float, acted: float, passes_s: float
) -> None:
    now = [NOW]
    clock = UpstreamClock(lambda: now[0] + wall_s, lambda: now[0] - booted_s)
    asked_at = clock.monotonic()
    date = {"date": formatdate(int(now[0] + took_s * acted), usegmt=True)}
    now[0] += took_s
    clock.note(date, asked_at)
    stamp, by = clock.stamp()
    assert by == "upstream"
    assert now[0] - 1e-3 <= stamp <= now[0] + took_s + 2
    now[0] += passes_s
    age_s = clock.age_s(stamp, by)
    assert max(0.0, passes_s - 2 * took_s - 4) <= age_s <= passes_s + 1e-3


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"date": "soon"},
        {"date": formatdate(NOW - 60, usegmt=True), "age": "60"},
        {"date": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"date": "Fri, 31 Dec 9999 23:59:59 GMT"},
    ],
)
def test_what_tells_no_time_leaves_it_to_the_wall_clock(headers: dict[str, str]) -> None:
    clock = UpstreamClock(lambda: NOW, lambda: 5.0)
    clock.note(headers, 5.0)
    assert (clock.now_s(), clock.stamp()) == (NOW, (NOW + 1, "wall"))
    assert clock.age_s(int(NOW) + 60, "wall") == 0
    assert clock.age_s(int(NOW) - 60, "upstream") == 0


@pytest.mark.parametrize(("wall", "stamp"), [(-5.0, 1), (0.0, 1), (1e30, LATEST_S)])
def test_a_wall_clock_that_is_mad_makes_a_stamp_that_a_key_can_carry(
    wall: float, stamp: int
) -> None:
    assert UpstreamClock(lambda: wall, lambda: 5.0).stamp() == (stamp, "wall")
