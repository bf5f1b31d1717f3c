"""Hides secrets in text that is shown: values with a name such as `key`, and passwords in URLs."""

import re
from typing import Final

_NAMED: Final = re.compile(
    r"""((?:key|token|secret|passw|auth)[^"'=:]*["']?\s*[:=]\s*["'])(?!\$)(?:[^"\\]|\\.)+""",
    re.IGNORECASE,
)
_IN_URL: Final = re.compile(r"""(://[^:/@\s"']*:|[?&]password=)[^@&\s"']+""", re.IGNORECASE)
_DOTS: Final = r"\1••••••••"


def hidden(line: str) -> str:
    """Hide the secrets in a line of a configuration. References (`$…`) stay visible."""
    return _IN_URL.sub(_DOTS, _NAMED.sub(_DOTS, line))


def holds_password(url: str) -> bool:
    """Return whether a URL contains a password."""
    return _IN_URL.search(url) is not None
