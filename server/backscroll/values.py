"""What the text of one setting stands for, by the rule that its field carries."""

import math
from dataclasses import Field
from typing import Any, Final, cast

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off", ""})


class SettingsError(Exception):
    """A setting that cannot be used, as one line: its name, the rule, and the value if safe."""


def parsed(shown: str, text: str, item: Field[Any]) -> object:
    """Return the value that a setting's text stands for.

    Args:
        shown: what the setting is called where it was made.
        text: what it was set to.
        item: the field, whose metadata has the rule: `one_of` and `any_of` words, or `least` and
            `most`.

    Raises:
        SettingsError: the text breaks the rule.
    """
    rule, kind = item.metadata, cast("type", type(item.default))
    if kind is bool:
        return _boolean(shown, text)
    if kind in {int, float}:
        return _number(shown, text, kind, rule["least"], rule["most"])
    if kind is tuple:
        words = tuple(word.strip() for word in text.split(",") if word.strip())
        if "any_of" in rule:
            for word in words or ("",):
                _one_of(shown, word, rule["any_of"])
        return words
    if "one_of" in rule:
        return _one_of(shown, text, rule["one_of"])
    return text


def _boolean(shown: str, text: str) -> bool:
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        message = f"{shown} must be true or false, not {text!r}."
        raise SettingsError(message)
    return word in _TRUE


def _number(shown: str, text: str, kind: type, least: float, most: float) -> float:
    noun = "a whole number" if kind is int else "a number"
    message = f"{shown} must be {noun} from {least} to {most}, not {text!r}."
    try:
        value: float = kind(text)
    except ValueError:
        raise SettingsError(message) from None
    if not math.isfinite(value) or not least <= value <= most:
        raise SettingsError(message)
    return value


def _one_of(shown: str, word: str, allowed: tuple[str, ...]) -> str:
    if word not in allowed:
        message = f"{shown} must be {' or '.join(allowed)}, not {word!r}."
        raise SettingsError(message)
    return word
