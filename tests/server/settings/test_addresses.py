"""An address or a key that cannot be used is refused at the start, and repeated nowhere."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll.settings.addresses import flaw_of_address, flaw_of_key
from backscroll.settings.loading import load
from backscroll.settings.model import Settings
from backscroll.settings.parsing import SettingsError
from backscroll.upstream.connection import upstream_of

SCHEME = "must start with https:// (or http://) and contain a host"
CREDENTIALS = "must not contain credentials: set BACKSCROLL_API_KEY instead"
QUERY = "must not have a query or a fragment"
PATH = (
    "must be ASCII without spaces, backslashes, %2e, %2f or %5c, and no part of its path may "
    'be "." or ".."'
)
HTTPS = "must use https: otherwise keys and messages would be sent unencrypted"
KEY = "must be printable ASCII without spaces or line breaks"
LONG_KEY = "sk-live-0123456789abcdef"


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.example.com",
        "https://api.example.com/v1",
        "https://api.example.com:8443/api/v1/",
        "https://API.example.com/a.b/v1.0",
        "https://xn--bcher-kva.example/v1",
        "http://127.0.0.1:8321/v1",
        "http://127.9.9.9/v1",
        "http://localhost:8086/api/v1",
        "http://LOCALHOST/v1",
        "http://[::1]:8000/v1",
    ],
)
def test_an_address_that_can_be_asked_has_no_flaw(base_url: str) -> None:
    assert flaw_of_address(base_url, allow_http=False) == ""


@pytest.mark.parametrize(
    ("base_url", "flaw"),
    [
        ("api.example.com/v1", SCHEME),
        ("ftp://api.example.com", SCHEME),
        ("file:///etc/passwd", SCHEME),
        ("javascript:alert(1)", SCHEME),
        ("https://", SCHEME),
        ("https:///v1", SCHEME),
        ("//api.example.com/v1", SCHEME),
        (" ", SCHEME),
        ("https://[::1", "is not a URL"),
        ("https://a.example:99999/v1", "is not a URL"),
        ("https://a.example:port/v1", "is not a URL"),
        (f"https://user:{LONG_KEY}@a.example/v1", CREDENTIALS),
        ("https://user@a.example/v1", CREDENTIALS),
        ("https://@a.example/v1", CREDENTIALS),
        ("https://a.example/v1?api-version=1", QUERY),
        ("https://a.example/v1?", QUERY),
        ("https://a.example/v1#here", QUERY),
        ("https://a.example/v1#", QUERY),
        ("https://a.example/v1/../admin", PATH),
        ("https://a.example/v1/..", PATH),
        ("https://a.example/./v1", PATH),
        ("https://a.example/v1/%2e%2e/admin", PATH),
        ("https://a.example/v1/%2E./admin", PATH),
        ("https://a.example/v1%2f..%2fadmin", PATH),
        ("https://a.example/v1%5c..", PATH),
        ("https://a.example\\v1", PATH),
        ("https://a.example/v 1", PATH),
        ("https://a.example/v1\n", PATH),
        ("https://a.example/v1\r\nx: y", PATH),
        ("https://a.example/v1\x00", PATH),
        ("https://a.example/v1\x7f", PATH),
        ("https://bücher.example/v1", PATH),
        ("http://a.example/v1", HTTPS),
        ("http://0.0.0.0/v1", HTTPS),
        ("http://10.0.0.1/v1", HTTPS),
        ("http://localhost.example/v1", HTTPS),
        ("http://127.0.0.1.example/v1", HTTPS),
        ("http://127.1/v1", HTTPS),
    ],
)
def test_an_address_that_cannot_be_asked_is_refused_by_its_rule(base_url: str, flaw: str) -> None:
    assert flaw_of_address(base_url, allow_http=False) == flaw


def test_only_the_rule_of_tls_can_be_lifted() -> None:
    assert flaw_of_address("http://a.example/v1", allow_http=True) == ""
    assert flaw_of_address("http://u@a.example/v1", allow_http=True) == CREDENTIALS
    assert flaw_of_address("ftp://a.example/v1", allow_http=True) == SCHEME


@given(st.text(), st.booleans())
def test_any_text_is_an_address_or_has_a_flaw_that_does_not_repeat_it(
    tail: str, allow_http: bool
) -> None:
    for base_url in (tail, f"https://{tail}", f"https://a.example/{tail}"):
        flaw = flaw_of_address(base_url, allow_http=allow_http)
        assert flaw in {"", "is not a URL", SCHEME, CREDENTIALS, QUERY, PATH, HTTPS}


@pytest.mark.parametrize("key", ["", LONG_KEY, "a", "!~", "eyJhbGciOi.JIUzI1NiJ9.x-y_z="])
def test_a_key_that_a_header_can_hold_has_no_flaw(key: str) -> None:
    assert flaw_of_key(key) == ""


@pytest.mark.parametrize(
    "key",
    [
        f"{LONG_KEY}\n",
        f"\n{LONG_KEY}",
        f"{LONG_KEY}\r\nX-Other: 1",
        f"{LONG_KEY} ",
        f"{LONG_KEY}\t",
        f"{LONG_KEY}\x00",
        f"“{LONG_KEY}”",
    ],
)
def test_a_key_that_no_header_can_hold_is_refused_and_not_repeated(key: str) -> None:
    assert flaw_of_key(key) == KEY
    environ = {
        "BACKSCROLL_UPSTREAM": "compatible",
        "BACKSCROLL_BASE_URL": "https://a.example/v1",
        "BACKSCROLL_API_KEY": key,
    }
    with pytest.raises(SettingsError) as refused:
        load({}, environ)
    assert str(refused.value) == f"BACKSCROLL_API_KEY {KEY}."


@pytest.mark.parametrize("upstream", ["openai", "foundry", "azure", "compatible"])
def test_no_key_shows_in_what_is_made_of_the_settings(upstream: str) -> None:
    settings = Settings(upstream=upstream, base_url="https://a.example", api_key=LONG_KEY)
    made: list[Any] = [settings, upstream_of(settings), upstream_of(settings).profile]
    for value in made:
        assert LONG_KEY not in repr(value)
        assert LONG_KEY not in str(value)
