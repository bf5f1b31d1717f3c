"""Checks the base URL and the API key of an upstream, before any request is sent."""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from backscroll.settings.parsing import UNRESOLVED, is_unresolved
from backscroll_tools.client.profiles import PROFILES

NEEDS_BASE_URL: Final = frozenset(name for name, kind in PROFILES.items() if not kind.base_url)
NEEDS_KEY: Final = {"openai": "BACKSCROLL_API_KEY (or OPENAI_API_KEY)"}

_KEY: Final = re.compile(r"[\x21-\x7e]+")


def flaw_of_address(base_url: str, *, allow_http: bool, key: str = "BACKSCROLL_API_KEY") -> str:
    """Return the rule that a base URL violates, or an empty string if it is valid.

    Args:
        base_url: the base URL that the operator set.
        allow_http: whether an upstream on another machine may be used without TLS.
        key: the variable for the API key. The error for a URL with credentials names it.
    """
    try:
        url = urlsplit(base_url)
        host, _ = url.hostname or "", url.port
    except ValueError:
        return "is not a URL"
    if url.scheme not in {"http", "https"} or not host:
        return "must start with https:// (or http://) and contain a host"
    if url.username is not None or url.password is not None:
        return f"must not contain credentials: set {key} instead"
    if url.query or url.fragment or base_url.endswith(("?", "#")):
        return "must not have a query or a fragment"
    if re.search(r"[^\x21-\x7e]|\\|%2e|%2f|%5c", base_url, re.IGNORECASE) or {".", ".."} & set(
        url.path.split("/")
    ):
        return (
            "must be ASCII without spaces, backslashes, %2e, %2f or %5c, and no part of its path "
            'may be "." or ".."'
        )
    if url.scheme == "http" and not allow_http and not is_loopback(host):
        return "must use https: otherwise keys and messages would be sent unencrypted"
    return ""


def flaw_of_key(key: str) -> str:
    """Return the rule that a key violates, or an empty string if it is valid."""
    if is_unresolved(key):
        return UNRESOLVED
    if key and _KEY.fullmatch(key) is None:
        return "must be printable ASCII without spaces or line breaks"
    return ""


def is_loopback(host: str) -> bool:
    """Return whether a host is a loopback address or `localhost`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
