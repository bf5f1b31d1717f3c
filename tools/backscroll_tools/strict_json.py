"""A JSON reader that is stricter than Python's and follows RFC 8259.

A message must be stored exactly as it was sent. So these are errors: invalid UTF-8, half of a
surrogate pair, a number that is too large for a double, and a duplicate key in an object.
"""

import json
import math
import re
from typing import Any, Final, Literal, NoReturn, TypeAlias

DEPTH: Final = 100
"""The maximum number of nested arrays and objects, including the outermost one."""

_CONTAINERS: Final = frozenset({dict, list})
_SHOWN: Final = 40
"""The maximum number of characters of a key or a number that an error quotes."""

# This pattern is rarely needed. It is not compiled here, because that would delay every start.
_ESCAPE: Final = (
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)


Flaw: TypeAlias = Literal[
    "encoding", "syntax", "control", "number", "surrogate", "duplicate", "depth"
]
"""The kinds of flaws. `encoding`: bytes that are not UTF-8. `syntax`: text that is not JSON.
`control`: a control character that is not escaped. `number`: a number that does not fit into a
double. `surrogate`: half of a surrogate pair. `duplicate`: a key that an object has twice. `depth`:
more than `DEPTH` nested arrays and objects."""


class JSONFlawError(ValueError):
    """The bytes are not valid JSON. Callers write their own message from the attributes.

    Args:
        kind: the kind of flaw.
        found: the flawed text, cut to 40 characters, or the parser's description of the flaw; may
            be empty.
        at: the byte offset of the flaw; None for `duplicate` and `depth`.
    """

    def __init__(self, kind: Flaw, found: str = "", at: int | None = None) -> None:
        super().__init__(kind, found, at)
        self.kind: Flaw = kind
        self.found = found
        self.at = at


class Ambiguous:
    """A placeholder in the result of `guess` for a value that cannot be known.

    It replaces the values of a duplicate key, and a number that is too large.
    """


class _UnfitNumberError(Exception):
    pass


def loads(raw: bytes) -> object:
    """Return the value of one JSON text.

    Raises:
        JSONFlawError: the text has one of the flaws that `Flaw` lists.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        found = f"0x{raw[error.start]:02x}"
        raise JSONFlawError("encoding", found, error.start) from None
    try:
        value = _decoded(text)
    except json.JSONDecodeError as error:
        raise _not_json(text, error) from None
    except _UnfitNumberError as error:
        token = str(error)
        raise JSONFlawError("number", _cut(token), _offset(text, token)) from None
    except RecursionError:
        raise JSONFlawError("depth") from None
    if (lone := _lone_surrogate(raw)) is not None:
        raise JSONFlawError("surrogate", raw[lone : lone + 6].decode(), lone)
    if raw.count(b"{") + raw.count(b"[") > DEPTH and _is_too_deep(value):
        raise JSONFlawError("depth")
    return value


def _decoded(text: str) -> object:
    try:
        value: object = _STRICT.decode(text)
    except ValueError as error:
        if type(error) is not ValueError:
            raise
        value = _STRICT_WITH_TOKENS.decode(text)  # raises an error that contains the long integer
    return value


def guess(raw: bytes) -> object:
    """Return the most likely value of a flawed JSON text; None if it cannot be guessed.

    Bytes that are not UTF-8 become lone surrogates, which valid text never contains. An `Ambiguous`
    replaces the values of a duplicate key.
    """
    try:
        value: object = _LENIENT.decode(raw.decode(errors="surrogateescape"))
    except (ValueError, RecursionError):
        return None
    return value


def is_sound(value: object) -> bool:
    """Whether a value that `guess` returned contains no flaw."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        duplicate = ""
        for duplicate, _ in pairs:
            if duplicate in seen:
                break
            seen.add(duplicate)
        raise JSONFlawError("duplicate", _cut(json.dumps(duplicate)))
    return found


def _guessed_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        found[name] = Ambiguous() if name in found else value
    return found


def _guessed_integer(token: str) -> object:
    try:
        return int(token)
    except ValueError:
        return Ambiguous()


def _unfit(token: str) -> NoReturn:
    raise _UnfitNumberError(token)


def _finite(token: str) -> float:
    value = float(token)
    return value if math.isfinite(value) else _unfit(token)


def _integer(token: str) -> int:
    try:
        return int(token)
    except ValueError:  # more digits than Python converts
        return _unfit(token)


_STRICT: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_unfit, parse_float=_finite
)

_STRICT_WITH_TOKENS: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_unfit, parse_float=_finite, parse_int=_integer
)
"""A slower decoder than `_STRICT`. Its error for an integer that is too long contains the integer.
"""

_LENIENT: Final = json.JSONDecoder(
    object_pairs_hook=_guessed_object, parse_int=_guessed_integer, strict=False
)


def _not_json(text: str, error: json.JSONDecodeError) -> JSONFlawError:
    at = len(text[: error.pos].encode())
    if error.msg.startswith("Invalid control character"):
        return JSONFlawError("control", at=at)
    return JSONFlawError("syntax", error.msg[0].lower() + error.msg[1:].removesuffix(" at"), at)


def _is_too_deep(value: object) -> bool:
    # Comparing types is faster than `isinstance`, and the decoder creates no subclasses.
    level: list[Any] = [value] if type(value) in _CONTAINERS else []
    for _ in range(DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _CONTAINERS
        ]
        if not level:
            return False
    return True


def _lone_surrogate(raw: bytes) -> int | None:
    """Return the byte offset of the first escaped lone surrogate in a valid JSON text."""
    if b"\\u" not in raw:
        return None
    return next((found.start() for found in re.finditer(_ESCAPE, raw) if found["lone"]), None)


def _offset(text: str, token: str) -> int:
    """Return the byte offset of a number in a JSON text. Digits within strings do not count."""
    pattern = re.compile(rf'"(?:[^"\\]|\\.)*"|(?P<token>{re.escape(token[:_SHOWN])})')
    found = next(match for match in pattern.finditer(text) if match["token"])
    return len(text[: found.start()].encode())


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
