"""Secrets in texts that are shown: found by how they are named, or by where they stand in a URL."""

import re
from typing import Final

_NAMED: Final = re.compile(
    r"""((?:key|token|secret|passw|auth)[^"'=:]*["']?\s*[:=]\s*["'])(?!\$)(?:[^"\\]|\\.)+""",
    re.IGNORECASE,
)
_IN_URL: Final = re.compile(r"""(://[^:/@\s"']*:|[?&]password=)[^@&\s"']+""", re.IGNORECASE)
_DOTS: Final = r"\1••••••••"


def hidden(line: str) -> str:
    """Return a line of a configuration without its secrets; what refers to one (`$…`) stays."""
    return _IN_URL.sub(_DOTS, _NAMED.sub(_DOTS, line))


def holds_password(url: str) -> bool:
    """Return whether a password stands in a URL."""
    return _IN_URL.search(url) is not None
