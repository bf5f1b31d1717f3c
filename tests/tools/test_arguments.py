"""Errors about arguments name what is wrong, whatever it is called."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll_tools.arguments import validated
from backscroll_tools.errors import ToolError
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Tool
from backscroll_tools.tools.create_message import CREATE_MESSAGE
from backscroll_tools.tools.list_chat_completions import LIST_CHAT_COMPLETIONS
from tests.inventory import least_calls

KEYS = st.text(max_size=8) | st.text("a0.[]{}", max_size=8)


@given(
    st.dictionaries(KEYS, st.just("fine"), max_size=4),
    KEYS,
    st.none() | st.integers(-9, 9),
)
def test_whatever_a_key_holds_the_entry_behind_it_is_named(
    others: dict[str, str], key: str, value: int | None
) -> None:
    metadata = {**others, key: value}
    with pytest.raises(ToolError) as refused:
        validated(CREATE_MESSAGE, {"role": "user", "content": "x", "metadata": metadata})

    told = "null" if value is None else str(value)
    assert refused.value.code == "invalid_arguments"
    assert refused.value.message in {
        f"metadata.{key} must be a string, not {told}.",
        f"metadata[{json.dumps(key)}] must be a string, not {told}.",
    }


def test_arguments_that_a_host_sends_empty_are_left_out() -> None:
    part = {"type": "text", "text": "x", "image_file": None, "image_url": None}
    empty: dict[str, object] = {
        "thread_id": None,
        "content": None,
        "attachments": [],
        "metadata": [],
    }
    required = {"role": "user", "parts": [part]}

    assert validated(CREATE_MESSAGE, {**required, **empty}) == {
        "role": "user",
        "parts": [{"type": "text", "text": "x"}],
    }


@given(st.dictionaries(st.text("abc", max_size=2), st.text("abc", max_size=2), max_size=16))
def test_metadata_is_taken_as_pairs_and_as_an_object(metadata: dict[str, str]) -> None:
    pairs = [{"key": key, "value": value} for key, value in metadata.items()]

    read = [validated(LIST_CHAT_COMPLETIONS, {"metadata": given}) for given in (pairs, metadata)]

    assert read == [{"metadata": metadata} if metadata else {}] * 2


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_an_optional_argument_that_a_strict_schema_forced_the_model_to_fill_counts_as_left_out(
    tool: Tool,
) -> None:
    # Strict conversion makes every argument required, so a model fills the others with nothing.
    nothing = {"string": "", "object": {}, "array": []}
    schema: Any = tool.input_schema
    given = next(least_calls(schema))
    values = {"role": "user", **given}
    required = {name: values[name] for name in schema.get("required", ())}
    empty = {
        name: nothing[rules["type"]]
        for name, rules in schema["properties"].items()
        if name not in required and rules["type"] in nothing
    }

    taken = validated(tool, {**empty, **required})

    assert taken == required
