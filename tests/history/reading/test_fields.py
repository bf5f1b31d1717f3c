"""Fields of other programs: times in every unit, and values of any type."""

import pytest
from hypothesis import given, settings

from backscroll.history.reading.fields import as_text, identifier, mapping, parsed, sequence, string
from backscroll.history.reading.times import unix_seconds
from tests.history.formats.json_values import ANY


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (1770000000, 1770000000),
        (1770000000.9, 1770000000),
        (1770000000123, 1770000000),
        (1770000000123456, 1770000000),
        (1770000000123456789, 1770000000),
        ("1770000000.000200", 1770000000),
        ("1770000000999", 1770000000),
        ("2026-02-02T02:40:00Z", 1770000000),
        ("2026-02-02T02:40:00.123456789+00:00", 1770000000),
        ("2026-02-02T04:40:00+02:00", 1770000000),
        ("2026-02-02 02:40:00", 1770000000),
        (0, None),
        (-1, None),
        (True, None),
        (None, None),
        ("", None),
        ("yesterday", None),
        ("0001-01-01T00:00:00+23:59", None),
        (float("nan"), None),
        (float("inf"), None),
        ("1e400", None),
        (10**400, None),
        ([], None),
    ],
)
def test_a_time_is_read_whatever_its_unit_and_form(written: object, seconds: int | None) -> None:
    assert unix_seconds(written) == seconds


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (None, ""), ({"é": [1]}, '{"é":[1]}'), ([10**5000], ""), (b"a", "")],
)
def test_a_value_is_written_as_text(value: object, text: str) -> None:
    assert as_text(value) == text


def test_json_that_is_too_deep_is_nothing() -> None:
    assert parsed("[" * 100_000 + "]" * 100_000) is None
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert as_text(deep) == ""


@settings(max_examples=settings().max_examples // 4)
@given(ANY)
def test_a_value_of_another_type_is_empty(value: object) -> None:
    assert mapping(value) == (value if isinstance(value, dict) else {})
    assert list(sequence(value)) == (value if isinstance(value, list) else [])
    assert string(value) == (value if isinstance(value, str) else "")
    assert isinstance(identifier(value), str)
    assert isinstance(as_text(value), str)
    assert unix_seconds(value) is None or isinstance(unix_seconds(value), int)
    assert parsed(value) is None or isinstance(value, str)
