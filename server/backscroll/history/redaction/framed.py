"""Finds secrets by the text around them: in URLs, headers, commands, and private keys."""

import base64
import re
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from backscroll.history.redaction.values import has_digit, is_placeholder, is_random


class _Frame(Struct, frozen=True):
    """Text that surrounds secrets.

    Attributes:
        start: the first characters of the text, in lower case.
        kind: the kind of secret.
        pattern: matches the text with the secret. Only the group `secret` is replaced.
        hint: a pattern for `HINT` that matches at least all texts that `pattern` matches.
        is_secret: returns whether that group is a secret and not, for example, a placeholder.
        command: a command that must precede the text on the same line; empty for none.
    """

    start: str
    kind: str
    pattern: re.Pattern[str]
    hint: str
    is_secret: Callable[[str], bool] = bool
    command: str = ""


_LONGEST_COMMAND: Final = 500
"""The maximum distance between a command and the `start` of the text after it, in characters."""


def framed_secrets(text: str, folded: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """Yield the start, end and kind of secrets that the text around them identifies.

    Args:
        text: the text to search.
        folded: the same text in lower case, with the same length.
        start: where the part of the text begins in which the surrounding text must start.
        end: where this part ends.
    """
    for frame in _FRAMES:
        if frame.command and folded.find(frame.command, max(0, start - _LONGEST_COMMAND), end) < 0:
            continue
        last = end + len(frame.start) - 1
        at = folded.find(frame.start, start, last)
        while at != -1:
            match = frame.pattern.match(text, at)
            if match and frame.is_secret(match["secret"]) and _is_command(frame, folded, at):
                yield *match.span("secret"), frame.kind
            at = folded.find(frame.start, at + len(frame.start), last)


def _is_command(frame: _Frame, folded: str, start: int) -> bool:
    before = folded[max(0, start - _LONGEST_COMMAND) : start]
    return frame.command in before.rpartition("\n")[2]


def _is_password(value: str) -> bool:
    return not is_placeholder(value)


def _is_password_of_user(value: str) -> bool:
    """Return whether a value is a password. Digits alone, as in `-u name:100`, are a group's id."""
    return not value.isdigit() and not is_placeholder(value)


def _is_password_with_digits(value: str) -> bool:
    return has_digit(value) and not is_placeholder(value)


def _is_bearer_token(value: str) -> bool:
    return is_random(value) and not is_placeholder(value)


def _is_basic(value: str) -> bool:
    """Return whether a value is a user's name and password in base64 (RFC 7617)."""
    try:
        user, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:  # not base64, or a letter outside ASCII such as the Kelvin sign
        return False
    return bool(colon and password) and (user + password).isprintable()


_URL: Final = re.compile(
    r"://[^\s/?#\"'`<>@:\\]{0,128}:(?P<secret>[^\s/\"'`<>\\]{3,256})@(?!sha256)"
)
"""Matches a password in a URL, but not the tag of a container image (`://name:tag@sha256:…`)."""

_BEARER: Final = re.compile(
    r"bearer\s{1,4}(?P<secret>[\w.~+/=-]{16,4096})", re.IGNORECASE | re.ASCII
)
_BASIC: Final = re.compile(r"basic\s{1,4}(?P<secret>[A-Za-z0-9+/]{8,1024}={0,2})", re.IGNORECASE)
_USER: Final = re.compile(
    r"(?:-u|--user)[\s=]{0,4}\\{0,2}[\"']?[^\s:\"'\\]{1,128}:(?P<secret>[^\s\"'\\]{6,256})",
    re.IGNORECASE,
)
_ANY: Final = r"[\x00-\x7f]*"
_SPACE: Final = r"(?:\s|\\{1,3}[nt]){1,16}"
_NETRC: Final = re.compile(
    rf"machine{_SPACE}[^\s\\]{{1,128}}{_SPACE}login{_SPACE}[^\s\\]{{1,128}}{_SPACE}"
    rf"password{_SPACE}(?P<secret>[^\s\\\"']{{1,256}})",
    re.IGNORECASE,
)
_LOGIN: Final = re.compile(
    rf"login{_SPACE}[^\s\\]{{1,128}}{_SPACE}password{_SPACE}(?P<secret>[^\s\\\"']{{1,256}})",
    re.IGNORECASE,
)
_PASSWORD_LINE: Final = re.compile(
    r"(?<![^\s\\n])(?<!\S )password[ \t]{1,16}(?P<secret>[^\s\\\"'=:]{6,256})[ \t]{0,16}"
    r"(?=\n|\r|\\|\"|$)",
    re.IGNORECASE,
)
"""Matches a line of `.netrc` with only the password. In JSON, an escaped `\\n` can precede it."""

_SQL: Final = re.compile(r"(?:password|identified by) '(?P<secret>[^'\s\\]{6,256})'", re.IGNORECASE)
_WEBHOOK: Final = re.compile(
    r"hooks(?:\.slack\.com/(?:services|workflows)|(?<=/api/webhooks))/(?P<secret>[\w/-]{20,200})",
    re.IGNORECASE | re.ASCII,
)
_PRIVATE_KEY: Final = re.compile(
    r"""
    (?P<secret>
        -----begin\ [a-z0-9 ]{0,40}private\ key(?:\ block)?-----
        (?:
            (?:[\w+/=:,.\s\\"'>|→]|-(?!----)){64,32768}
            -----end\ [a-z0-9 ]{0,40}private\ key(?:\ block)?-----
          | (?:[ \t]{0,8}(?:\n|\r\n|\\n|\\r\\n)[\s\d"'>|→]{0,24}[a-z0-9+/=]{40,128}){2,1000}
        )
    )
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
"""Matches a private key, or its lines if its end is missing, such as in the output of `head`. Lines
may be numbered, as editors and agents show files.
"""

_FRAMES: Final = (
    _Frame(
        "://",
        "password",
        _URL,
        # `?` stands for each character outside ASCII (`suspects`), and users' names can have these.
        r"""://[\x00-\x7f--\s/#"'`<>@:\\]*:[\x00-\x7f--\s/"'`<>\\]{3,}@""",
        _is_password,
    ),
    _Frame("bearer", "token", _BEARER, r"bearer\s+[\w.~+/=-]{16}", _is_bearer_token),
    _Frame("basic ", "password", _BASIC, r"basic [\x00-\x20?]*[a-z0-9+/]{8}", _is_basic),
    _Frame("-u", "password", _USER, rf"curl{_ANY}-u", _is_password_of_user, "curl"),
    _Frame("machine", "password", _NETRC, rf"machine{_ANY}login", _is_password),
    _Frame("login", "password", _LOGIN, rf"login{_ANY}password", _is_password_with_digits),
    _Frame(
        "password ",
        "password",
        _PASSWORD_LINE,
        r"""password[ \t]+[\x00-\x7f--\s\\"'=:]{6,}[ \t]*(?:[\n\r\\"]|$)""",
        _is_password_with_digits,
    ),
    _Frame("password '", "password", _SQL, "password '", _is_password),
    _Frame("identified by '", "password", _SQL, "identified by '", _is_password),
    _Frame("hooks", "webhook", _WEBHOOK, r"hooks(?:\.slack\.com)?/"),
    _Frame("-----begin ", "private key", _PRIVATE_KEY, "-----begin "),
)

HINT: Final = "|".join(frame.hint for frame in _FRAMES)
"""A pattern in Rust's syntax, for ASCII texts, that is matched without regard to case. It matches
all texts in which `framed_secrets` finds a secret, and some others."""
