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
        (
            {"headers": {"X-Api-Key": "a", "accessToken": "b", "client-secret": "c", "pwd": "d"}},
            {
                "headers": dict.fromkeys(
                    ("X-Api-Key", "accessToken", "client-secret", "pwd"), REDACTED
                )
            },
        ),
        ({"client_secret": {"value": "abc"}}, {"client_secret": {"value": REDACTED}}),
        ({"api_keys": ["abc", "def"]}, {"api_keys": [REDACTED, REDACTED]}),
        (
            {
                "pem": "-----BEGIN RSA PRIVATE KEY-----\nDEK-Info: AES-128-CBC\n\nMIIB\n"
                "-----END RSA PRIVATE KEY-----\nrest"
            },
            {"pem": f"{REDACTED}\nrest"},
        ),
        ({"url": "https://u:pass@h/a"}, {"url": f"https://{REDACTED}@h/a"}),
        ({"url": "https://h/a?b=c&api_key=d&e=f"}, {"url": f"https://h/a?b=c&{REDACTED}&e=f"}),
        ({"url": "https://h:8080/a?page_token_type=b"}, {}),
        ({"id": "key_abcdefghijklmnopqrstuvwx"}, {"id": "key_abcdefghijklmnopqrstuvwx"}),
        ({"redacted_value": "sk-abc...def"}, {"redacted_value": "sk-abc...def"}),
        ({"input_tokens": 7, "max_tokens": "7"}, {"input_tokens": 7, "max_tokens": "7"}),
        ({"content": "-----BEGIN CERTIFICATE-----\nMIIB"}, {}),
    ],
)
def test_secrets_are_redacted_and_nothing_else(item: JSON, expected: JSON) -> None:
    assert redacted(item) == {**item, **expected}


def test_the_name_of_a_field_that_is_a_key_is_redacted() -> None:
    assert redacted({KEY: "abc"}) == {REDACTED: "abc"}


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(ANY)
def test_a_value_without_secrets_is_unchanged(value: object) -> None:
    assert redacted(value) == value
