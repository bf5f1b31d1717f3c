"""Keys and other secrets never reach an agent, and everything else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll_tools.client.redaction import REDACTED, redacted
from backscroll_tools.models import JSON

KEY = "sk-proj-" + "a1B2c3" * 5


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"object": "organization.admin_api_key", "value": "x1"}, {"value": REDACTED}),
        ({"object": "organization.project.api_key", "value": "abc"}, {"value": REDACTED}),
        ({"object": "metric", "value": "abc"}, {"value": "abc"}),
        ({"client_secret": "abc"}, {"client_secret": REDACTED}),
        ({"api_key": "abc", "token": ""}, {"api_key": REDACTED, "token": ""}),
        ({"headers": {"Authorization": "Bearer x"}}, {"headers": {"Authorization": REDACTED}}),
        ({"note": f"use {KEY}."}, {"note": f"use {REDACTED}."}),
        ({"list": ["a", KEY]}, {"list": ["a", REDACTED]}),
        ({"pem": "-----BEGIN PRIVATE KEY-----\nMIIB\n"}, {"pem": REDACTED}),
        ({"id": "key_abcdefghijklmnopqrstuvwx"}, {"id": "key_abcdefghijklmnopqrstuvwx"}),
        ({"redacted_value": "sk-abc...def"}, {"redacted_value": "sk-abc...def"}),
        ({"input_tokens": 7, "max_tokens": "7"}, {"input_tokens": 7, "max_tokens": "7"}),
        ({"content": "-----BEGIN CERTIFICATE-----\nMIIB"}, {}),
    ],
)
def test_secrets_are_redacted_and_nothing_else(item: JSON, expected: JSON) -> None:
    assert redacted(item) == {**item, **expected}


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(ANY)
def test_a_value_without_secrets_is_unchanged(value: object) -> None:
    assert redacted(value) == value
