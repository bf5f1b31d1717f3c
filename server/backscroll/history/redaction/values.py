"""Distinguishes secrets from other values in the same places, such as placeholders."""

import re
from typing import Final

_WORDS: Final = frozenset(
    (
        *("admin", "default", "disabled", "empty", "enabled", "false", "hidden", "invalid"),
        *("missing", "none", "null", "optional", "pass", "passwd", "password", "password1"),
        *("password123", "postgres", "required", "root", "secret", "secrets", "string", "test"),
        *("testing", "tiger", "token", "true", "undefined", "unset", "unused", "user", "username"),
    )
)
"""Values that documentation and tests use in place of secrets, in lower case."""

_REFERENCE: Final = re.compile(
    r"[$%<{*=~#-]|\.{0,2}/(?!.{39}$)|env[.\[]"
    r"|(?:process|os|settings|config|self|this|args|var|data|secrets|local)\."
)
"""Matches the start of a value that names a variable, a file or a flag. It does not match a key of
AWS, which has 40 characters and can start with a slash.
"""

_PLACEHOLDER: Final = re.compile(
    r"\.\.\.|…|\*\*\*|x{4}|example|placeholder|change_?-?me|redacted|dummy|insert|your|replace"
    r"|todo|sample|://|::",
    re.IGNORECASE,
)
_COMPARED: Final = 80
"""How much of a value is compared with placeholders, in characters."""

_LETTER: Final = re.compile(r"[A-Za-z]", re.ASCII)
_DIGIT: Final = re.compile(r"\d", re.ASCII)
_DIFFERENT: Final = 10
"""`is_random` requires at most this many different characters, even in a long value."""


def is_placeholder(value: str) -> bool:
    """Return whether a value is not secret: a usual word, a placeholder, or a variable."""
    return (
        value.lower() in _WORDS
        or _REFERENCE.match(value) is not None
        or _PLACEHOLDER.search(value, 0, _COMPARED) is not None
    )


def is_random(value: str) -> bool:
    """Return whether a value has letters, digits, and enough different characters.

    Enough is half the value's length, rounded down, but never more than `_DIFFERENT`.
    """
    return (
        has_letter(value)
        and has_digit(value)
        and len(set(value)) >= min(_DIFFERENT, len(value) // 2)
    )


def has_letter(value: str) -> bool:
    """Return whether a value has an ASCII letter."""
    return _LETTER.search(value) is not None


def has_digit(value: str) -> bool:
    """Return whether a value has an ASCII digit."""
    return _DIGIT.search(value) is not None
