"""JSON as RFC 8259 has it, where Python's own reader would alter or guess.

A message that is written must be the message that was sent: a byte that is no UTF-8, half of a
surrogate pair, a number that becomes infinite or a key that stands twice are flaws, not matters
of taste.
"""

import json
import math
import re
from typing import Final, NoReturn

DEPTH: Final = 100
"""How many arrays and objects may stand inside one another, the outermost counted."""

_CONTAINERS: Final = (dict, list)
_SHOWN: Final = 40
"""How many characters of a key or number a flaw repeats."""

_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)


class JSONFlawError(ValueError):
    """Why bytes are not fit to be read as JSON: what, at which byte, and how to mend it."""


class Ambiguous:
    """The value, in a guess, of a key that stands twice in one object, or of a huge number."""


class _UnfitNumberError(Exception):
    pass


def loads(raw: bytes) -> object:
    """Return the value of one JSON text.

    Raises:
        JSONFlawError: it is not UTF-8, not JSON, holds a lone surrogate, a number too large for
            a double or a key twice in one object, or is nested more than 100 deep.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        found, at = raw[error.start], error.start
        message = f"Byte {at} of the line, 0x{found:02x}, is not UTF-8. Encode the text as UTF-8."
        raise JSONFlawError(message) from None
    try:
        value: object = _STRICT.decode(text)
    except json.JSONDecodeError as error:
        raise _not_json(text, error) from None
    except _UnfitNumberError as error:
        token = str(error)
        message = f"{_cut(token)} at byte {_offset(text, token)} of the line is no JSON number."
        raise JSONFlawError(f"{message} Send a finite number, or null.") from None
    except RecursionError:
        raise _too_deep() from None
    if (lone := _lone_surrogate(raw)) is not None:
        half = raw[lone : lone + 6].decode()
        message = f"A string holds a lone surrogate, {half}, at byte {lone} of the line."
        raise JSONFlawError(f"{message} Send both halves of the pair, or leave it out.")
    if raw.count(b"{") + raw.count(b"[") > DEPTH and _is_too_deep(value):
        raise _too_deep()
    return value


def guess(raw: bytes) -> object:
    """Return what a flawed JSON text most likely says; None where nothing can be said.

    Bytes that are not UTF-8 become lone surrogates, which no valid text has, and keys that stand
    twice are `Ambiguous`.
    """
    try:
        value: object = _LENIENT.decode(raw.decode(errors="surrogateescape"))
    except (ValueError, RecursionError):
        return None
    return value


def is_sound(value: object) -> bool:
    """Tell whether a guessed value has no flaw in it."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = ""
        for twice, _ in pairs:
            if twice in seen:
                break
            seen.add(twice)
        message = f"The key {_cut(json.dumps(twice))} stands twice in one object. Send it once."
        raise JSONFlawError(message)
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
    object_pairs_hook=_object, parse_constant=_unfit, parse_float=_finite, parse_int=_integer
)
_LENIENT: Final = json.JSONDecoder(
    object_pairs_hook=_guessed_object, parse_int=_guessed_integer, strict=False
)


def _not_json(text: str, error: json.JSONDecodeError) -> JSONFlawError:
    at = len(text[: error.pos].encode())
    if error.msg.startswith("Invalid control character"):
        message = f"A string holds a raw control character at byte {at} of the line."
        return JSONFlawError(rf"{message} Escape it, as in \n or \u0007.")
    said = error.msg[0].lower() + error.msg[1:].removesuffix(" at")
    message = f"The line is not JSON: {said} at byte {at}."
    return JSONFlawError(f"{message} Send one whole JSON-RPC message a line.")


def _too_deep() -> JSONFlawError:
    return JSONFlawError(f"The line is nested more than {DEPTH} levels deep. Send a flatter value.")


def _is_too_deep(value: object) -> bool:
    level = [value] if isinstance(value, _CONTAINERS) else []
    for _ in range(DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, _CONTAINERS)
        ]
        if not level:
            return False
    return True


def _lone_surrogate(raw: bytes) -> int | None:
    """Return the offset of the first escape of half a pair in a valid JSON text."""
    if b"\\u" not in raw:
        return None
    return next((found.start() for found in _ESCAPE.finditer(raw) if found["lone"]), None)


def _offset(text: str, token: str) -> int:
    """Return the byte at which a token first stands outside strings."""
    pattern = re.compile(rf'"(?:[^"\\]|\\.)*"|(?P<token>{re.escape(token[:_SHOWN])})')
    found = next(match for match in pattern.finditer(text) if match["token"])
    return len(text[: found.start()].encode())


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
