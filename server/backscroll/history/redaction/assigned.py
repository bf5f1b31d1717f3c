"""Finds secrets by the name that they are assigned to, such as in `DB_PASSWORD=…`."""

import re
from collections.abc import Iterator
from typing import Final, Literal

from msgspec import Struct

from backscroll.history.redaction.values import has_digit, has_letter, is_placeholder, is_random

Kind = Literal["key", "password", "secret", "token"]

_PASSWORD: Final = 8
"""The minimum length, in characters, of a value without digits that `_is_password` accepts."""

_KEY: Final = 12
"""The minimum length, in characters, of a value that `_is_key` accepts."""

_DIGITS: Final = 2
"""If a value contains a word such as `password`, `_is_chosen` requires this many digits in it."""

_KEYS: Final = tuple(
    first + joint
    for joint in ("", "_", "-")
    for first in (
        *("access", "account", "admin", "api", "app", "auth", "client", "encryption", "master"),
        *("private", "secret", "service", "sharedaccess", "signing", "storage", "subscription"),
    )
)
_LONGEST_FIRST_PART: Final = 16

_WORDS: Final[tuple[tuple[str, Kind, tuple[str, ...]], ...]] = (
    ("pass", "password", ("",)),
    ("pwd", "password", ("",)),
    ("secret", "secret", ("",)),
    ("token", "token", ("",)),
    ("credential", "secret", ("",)),
    ("key", "key", _KEYS),
)
"""One row for each word that occurs in names of secrets: the word, the kind of secret, and texts.
The word counts only directly after one of these texts. After the empty text, it always counts.
"""


def _hinted(word: str, texts: tuple[str, ...]) -> str:
    """Return a pattern of the names that have a word of `_WORDS` after one of these texts."""
    before = "|".join(dict.fromkeys(text.rstrip("_-") for text in texts))
    return f"(?:{before})[_-]?{word}" if before else word


_NAME: Final = "|".join(_hinted(word, texts) for word, _, texts in _WORDS)
HINT: Final = (
    rf"(?:{_NAME})(?:[a-rt-z0-9_-][\w-]*|s[\w-]+)?"  # not `s` alone, as in `tokens`
    r"""(?:\\{0,3}["'`]?\]?[ \t]*(?:=>|:=|[:=])[ \t]*(?:[bru]?\\{0,3}["'`])?|>)"""
    rf"[\x00-\x7f--\s\"'`\\<>(){{}}|\[\],;]{{6}}|--[\w.-]*(?:{_NAME})"
)
"""A pattern in Rust's syntax, for ASCII texts, that is matched without regard to case. It matches
all texts in which `assigned_secrets` finds a secret, and some others."""

_ASSIGNMENT: Final = re.compile(
    r"""
    (?P<rest>[\w-]{0,40})
    (?:
        \\{0,3}["'`]?\]?[ \t]{0,8}(?:=>|:=|[:=])[ \t]{0,8}(?:[bru]?\\{0,3}(?P<quote>["'`]))?
      | (?P<flag>[ \t]{1,3})\\{0,3}["']?
      | (?P<tag>>)
    )
    (?P<value>[^\s"'`\\<>(){}|\[\],;]{6,512})
    (?P<end>[^\n]?)
    """,
    re.VERBOSE | re.ASCII,
)
"""Matches what follows a word of `_WORDS`: the rest of the name, an assignment in any usual syntax,
and the value. `flag` is the space after a command's option such as `--password`; `tag` is the end
of a tag such as `<password>`. Backslashes before quotes occur in JSON that is inside a JSON string.
"""

_PASSWORD_WORD: Final = re.compile(r"pass(?:w(?:or)?d|phrase)|(?<![a-z])pass(?![a-z])")
"""Matches the words that begin with `pass` and name passwords, in lower case."""

_NAME_BEFORE: Final = re.compile(r"[\w.-]*$", re.ASCII)
_LONGEST_BEFORE: Final = 24
_NO_SECRET_BEFORE: Final = re.compile(
    r"(?:page|next|continu\w*|(?<!ac)count|max|min|num|total|sync|cursor|stop|eos|bos|pad"
    r"|primary|foreign|public|csrf_?header)[_-]?$"
)
"""Matches the text before a word of `_WORDS`, in lower case, if the value is not secret: `page_` in
`next_page_token`.
"""

_NO_SECRET_AFTER: Final = re.compile(
    r"s?[_-]?(?:id|ids|name|names|url|uri|path|file|type|types|count|counts|length|len|limit|size"
    r"|expir\w*|ttl|at|hint|field|policy|strength|regex|pattern|prefix|suffix|version|ref|arn"
    r"|hash\w*|min\w*|max\w*|usage|budget|rate)$|s$",
    re.IGNORECASE,
)
"""Matches the text after a word of `_WORDS` if the value is not secret: `_name` in `secret_name`,
or `s` in `tokens`.
"""

_IDENTIFIER: Final = re.compile(r"[A-Za-z_]+(?:[._/-][A-Za-z_]+)*\d{0,4}", re.ASCII)
_CODE: Final = re.compile(
    r"secret|token|(?:private|public|api|access)_?key|(?:[a-z]{2,}_){3}|\w\.[a-z]\w+\.",
    re.IGNORECASE,
)
"""Matches texts that occur in names of variables and classes, but not in keys."""


_NAME_ENDS: Final = re.compile(r"(?:w(?:or)?d|phrase)?_?\d{0,2}", re.ASCII | re.IGNORECASE)
"""Matches the text after a word of `_WORDS` if it only completes the word or adds a number: `word2`
in `password2`.
"""

_API: Final = re.compile(r"(?<![a-z])api[_-]?$")
"""Matches the `api` of names such as `api_key`, in lower case. The values of these names can be
plain words.
"""

_NAMED: Final = re.compile(r"pass(?:w|phrase)|pwd|secret|token|credential|key$", re.IGNORECASE)
"""Matches a value such as `userPassword`, which contains a word that names secrets."""

_TYPE: Final = re.compile(
    r"(?:u?int|float|sha|utf|base|md|argon|pbkdf|hmac|bcrypt|scrypt|null|none)\w?\d{1,3}"
    r"|boolean|buffer|integer|number|object|optional|string|unknown|varchar|required|settings",
    re.IGNORECASE,
)
"""Matches names of types and algorithms."""

_TIGHT: Final = frozenset({"", " ", ";", "&", '"', "'", "\\", "\t", "\r"})
_CLOSING: Final = frozenset({'"', "'", "`", "\\", "<"})
_LOOSE: Final = frozenset({"", '"', "'", "\\", "\r"})
"""Characters that can follow a value that is one word: `_TIGHT` for a value after `=`, `_CLOSING`
for a value in quotes or tags, and `_LOOSE` for all other values. The empty string is the end of a
line.
"""


class _Value(Struct, frozen=True):
    """A value that may be secret.

    Attributes:
        text: the value.
        is_quoted: whether the value is in quotes, or between tags.
        is_variable: whether the name is in upper case, as are names of environment variables.
        is_alone: as `_is_alone` returns it: false if the value may be a word of a sentence or of
            code.
    """

    text: str
    is_quoted: bool
    is_variable: bool
    is_alone: bool


def assigned_secrets(
    text: str, folded: str, start: int, end: int
) -> Iterator[tuple[int, int, str]]:
    """Yield the start, end and kind of secrets that are assigned to a name.

    Args:
        text: the text to search.
        folded: the same text in lower case, with the same length.
        start: where the part of the text begins in which a word of the name must start.
        end: where this part ends.
    """
    for word, kind, before in _WORDS:
        last = end + len(word) - 1
        at = folded.find(word, start, last)
        while at != -1:
            after = at + len(word)
            if folded.endswith(before, max(0, at - _LONGEST_FIRST_PART), at):
                value = _secret_after(text, folded, at, after, kind)
                if value is not None:
                    yield *value, kind
                    after = value[1]
            at = folded.find(word, after, last)


def _secret_after(
    text: str, folded: str, start: int, end: int, kind: Kind
) -> tuple[int, int] | None:
    """Return where the value of a name starts and ends; None if the value is not secret.

    Args:
        text: the text to search.
        folded: the same text in lower case.
        start: where a word of `_WORDS` starts in the name.
        end: where this word ends.
        kind: the kind of secret.
    """
    match = _ASSIGNMENT.match(text, end)
    if match is None or (
        folded.startswith("pass", start) and not _PASSWORD_WORD.match(folded, start)
    ):
        return None
    name_before = _NAME_BEFORE.search(folded[max(0, start - _LONGEST_BEFORE) : start])
    before = name_before[0] if name_before else ""
    if match["flag"] and not before.startswith("--"):
        return None
    if _NO_SECRET_BEFORE.search(before) or _NO_SECRET_AFTER.match(match["rest"]):
        return None
    if match["tag"] and not text.startswith("</", match.end("value")):
        return None  # a comparison
    is_quoted = bool(match["quote"] or match["tag"])
    if not is_quoted and match["end"] in {"(", "[", "{", "<"}:
        return None  # an expression
    value = _Value(
        match["value"].rstrip(".:"), is_quoted, text[start:end].isupper(), _is_alone(match)
    )
    is_secret = _is_password(value) if kind == "password" else _is_key(value.text)
    if not is_secret and (value.is_variable or _NAME_ENDS.fullmatch(match["rest"])):
        is_secret = (kind != "key" or _API.search(before) is not None) and _is_chosen(value, kind)
    start = match.start("value")
    return (start, start + len(value.text)) if is_secret else None


def _is_alone(match: re.Match[str]) -> bool:
    """Return whether a value is complete, and not a word of a sentence or of code.

    A value in quotes or tags must be followed by the closing quote or tag. Any other value must be
    assigned as in a settings file: without a space before `=` or `:`.
    """
    if match["quote"] or match["tag"]:
        return match["end"] in _CLOSING
    assignment = match.string[match.end("rest") : match.start("value")]
    if match["flag"] or assignment.startswith((" ", "\t")):
        return False
    return match["end"] in (_TIGHT if assignment == "=" else _LOOSE)


def _is_chosen(value: _Value, kind: Kind) -> bool:
    """Return whether a value is a password that a person chose, such as a word with digits."""
    text = value.text
    if is_placeholder(text) or _TYPE.fullmatch(text):
        return False
    if text.isdecimal():
        return kind != "token"  # such a number is often a count of tokens
    if not text.isalpha():
        digits = sum(map(str.isdecimal, text))
        is_name = digits < _DIGITS and _NAMED.search(text) is not None
        return digits > 0 and text.isalnum() and not is_name
    if _NAMED.search(text):
        return False
    if kind == "token":
        return value.is_variable  # in code, `token` often names a word of a text
    if value.is_quoted:
        return value.is_alone
    return value.is_variable or (value.is_alone and text.islower())


def _is_password(value: _Value) -> bool:
    text = value.text
    if is_placeholder(text) or not has_letter(text):
        return False
    if text.isalpha() and (value.is_variable or value.is_quoted):
        return value.is_variable and len(text) >= _PASSWORD
    if _IDENTIFIER.fullmatch(text):
        return False
    has_symbol = not text.replace("_", "").replace("-", "").replace(".", "").isalnum()
    return has_digit(text) or (has_symbol and len(text) >= _PASSWORD)


def _is_key(text: str) -> bool:
    return (
        len(text) >= _KEY
        and is_random(text)
        and not is_placeholder(text)
        and not _IDENTIFIER.fullmatch(text)
        and not _CODE.search(text)
    )
