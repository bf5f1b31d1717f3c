"""Items as OpenAI's API accepts them, from values of other programs."""

import json
from functools import reduce

import pytest

from backscroll.history.items.openai_items import function_call, role_of


@pytest.mark.parametrize("outermost", [{}, []])
def test_arguments_that_are_nested_too_deeply_for_json_are_an_object_with_their_strings(
    outermost: dict[str, object] | list[object],
) -> None:
    deep = reduce(lambda inner, _: [inner, "tea"], range(100_000), outermost)
    arguments = {"of": deep} if isinstance(outermost, dict) else deep

    written = json.loads(function_call("c", "n", arguments)["arguments"])

    assert set(written) == {"input"}
    assert json.loads(written["input"]) == ["tea"] * 100_000


@pytest.mark.parametrize(
    ("written", "role"),
    [("Human", "user"), ("bing", "assistant"), ("tool", "tool"), ("narrator", "unknown")],
)
def test_a_role_of_another_program_becomes_one_of_openais(written: str, role: str) -> None:
    assert role_of(written) == role
