"""Parses the text of one setting by the rule in its field's metadata."""

import math
import re
from collections.abc import Callable
from dataclasses import Field
from pathlib import Path
from typing import Any, Final, cast

from backscroll.settings.operator_errors import OperatorError
from backscroll.settings.paths import UnknownHomeError

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})

UNRESOLVED: Final = (
    "contains an unresolved variable, such as $HOME or ${input:key}: replace it with its value"
)
_NO_HOME: Final = (
    "contains a ~ that is not a home folder: use ~ only at the start of a file's path, as "
    "~/ or ~user/."
)

_VARIABLE: Final = re.compile(r"\$[A-Za-z_]\w*|.*\$\{[^}]*\}.*", re.DOTALL)
"""Matches a secret that is `$NAME` or contains `${…}`. Any other `$` may be part of a secret."""

_PASSWORDS: Final = (
    re.compile(r"(?P<before>://[^:/@?]*:)(?P<password>.*)(?=@)"),
    re.compile(r"(?P<before>[?&]password=)(?P<password>[^&]*)"),
)
_TILDE: Final = re.compile(r"(?:^|,)\s*~")


class SettingsError(OperatorError):
    """A setting is not valid.

    The message is one line with the setting's name, its rule, and its value unless it is secret.
    """


def is_blank(text: str) -> bool:
    """Return whether the text of a setting is blank, which means that the setting is unset."""
    return not text.strip()


def is_unresolved(secret: str) -> bool:
    """Return whether a secret contains a variable that the host should have replaced.

    A host that does not know a variable, such as `${input:key}`, passes on this text unchanged.
    """
    return _VARIABLE.fullmatch(secret) is not None


def parsed(
    source: str, text: str, item: Field[Any], folder: Callable[[], Path] = Path.cwd
) -> object:
    """Return the value of a setting, parsed from its text.

    Args:
        source: the flag or variable that sets the setting, for error messages.
        text: the text of the flag or variable, which must not be blank.
        item: the setting's field, whose metadata defines its rule: the allowed words (`one_of`,
            `any_of`), the bounds (`least`, `most`), the function that makes a path absolute
            (`resolve`), or the one that raises a `ValueError` for a list (`check`).
        folder: returns the folder to which a relative path is relative; by default, the current
            folder.

    Raises:
        SettingsError: the text violates the rule.
    """
    rule, kind = item.metadata, cast("type", type(item.default))
    _refuse_unresolved(source, text, item)
    if "resolve" in rule:
        try:
            return cast("str", rule["resolve"](text, folder))
        except UnknownHomeError:
            raise SettingsError(f"{source} {_NO_HOME}") from None
    if _TILDE.search(text) and ("secret" not in rule or text == "~" or text.startswith("~/")):
        raise SettingsError(f"{source} {_NO_HOME}")
    if kind is bool:
        return _boolean(source, text)
    if kind in {int, float}:
        return _number(source, text, kind, rule["least"], rule["most"])
    if kind is tuple:
        return _words(source, text, item)
    if "one_of" in rule:
        return _one_of(source, text, rule["one_of"])
    return text


def _words(source: str, text: str, item: Field[Any]) -> tuple[str, ...]:
    rule = item.metadata
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if "any_of" in rule:
        for word in words or ("",):
            _one_of(source, word, rule["any_of"])
    if "check" in rule:
        try:
            rule["check"](words)
        except ValueError as error:
            raise SettingsError(f"{source} {error}.") from None
    return words


def _refuse_unresolved(source: str, text: str, item: Field[Any]) -> None:
    """Refuse text with an unresolved variable. The text may be a secret, so it is not quoted."""
    open_text, secrets = text, [text]
    if "secret" in item.metadata:
        open_text = ""
    elif "may_hold_password" in item.metadata:
        secrets = [found["password"] for rule in _PASSWORDS for found in rule.finditer(text)]
        for rule in _PASSWORDS:
            open_text = rule.sub(r"\g<before>", open_text)
    if "$" in open_text or any(map(is_unresolved, secrets)):
        raise SettingsError(f"{source} {UNRESOLVED}.")


def _boolean(source: str, text: str) -> bool:
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        message = f"{source} must be true or false, not {text!r}."
        raise SettingsError(message)
    return word in _TRUE


def _number(source: str, text: str, kind: type, least: float, most: float) -> float:
    noun = "a whole number" if kind is int else "a number"
    message = f"{source} must be {noun} from {least} to {most}, not {text!r}."
    try:
        value: float = kind(text)
    except ValueError:
        raise SettingsError(message) from None
    if not math.isfinite(value) or not least <= value <= most:
        raise SettingsError(message)
    return value


def _one_of(source: str, word: str, allowed: tuple[str, ...]) -> str:
    if word not in allowed:
        message = f"{source} must be {' or '.join(allowed)}, not {word!r}."
        raise SettingsError(message)
    return word
