"""Every setting, in one frozen value: a flag wins over the environment, which wins over a default.

Only the standard library is imported here: settings are read before anything else is.
"""

import dataclasses
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

PREFIX: Final = "BACKSCROLL_"

UPSTREAMS: Final = ("store",)
TOOLSETS: Final = ("messages", "all")
OUTPUTS: Final = ("both", "text", "structured")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off", ""})


class SettingsError(Exception):
    """A setting that cannot be used, as one line: its name, the rule, and the value if safe."""


def _setting(about: str, default: Any, **rule: Any) -> Any:  # noqa: ANN401 - as dataclasses.field
    return field(default=default, metadata={"about": about, **rule})


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator can choose; each field is the variable `BACKSCROLL_` and its name."""

    upstream: str = _setting("where messages are kept", "store", one_of=UPSTREAMS)
    database: str = _setting(
        "the store's database: sqlite:///PATH; by default in the user's data folder", ""
    )
    toolsets: tuple[str, ...] = _setting(
        "the toolsets that agents are offered, between commas", ("messages",), any_of=TOOLSETS
    )
    read_only: bool = _setting("whether writing tools are withheld", default=False)
    result_chars: int = _setting(
        "the most characters of a result, its text and its structured content together",
        32_000,
        least=2_000,
        most=200_000,
    )
    output: str = _setting("which parts of a result are sent", "both", one_of=OUTPUTS)
    deadline_s: float = _setting(
        "the most seconds that a tool call takes", 60.0, least=1, most=3_600
    )
    log_level: str = _setting(
        "the least grave message that is logged to stderr", "warning", one_of=LOG_LEVELS
    )


def load(
    flags: Mapping[str, str] | None = None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """Return the settings.

    Args:
        flags: values given on the command line, by field name.
        environ: the environment; other variables than `BACKSCROLL_…` are not looked at.

    Raises:
        SettingsError: an unknown variable, or a value that breaks its rule.
    """
    fields = {item.name: item for item in dataclasses.fields(Settings)}
    given = {
        name.removeprefix(PREFIX).lower(): (name, value)
        for name, value in environ.items()
        if name.startswith(PREFIX) and not name.startswith(f"{PREFIX}TEST_")
    }
    given |= {name: (f"--{name.replace('_', '-')}", value) for name, value in (flags or {}).items()}
    for name, (shown, _) in given.items():
        if name not in fields:
            known = ", ".join(f"{PREFIX}{field.upper()}" for field in fields)
            message = f"{shown} is no setting. There are: {known}."
            raise SettingsError(message)
    values = {name: _parsed(shown, text, fields[name]) for name, (shown, text) in given.items()}
    settings = Settings(**values)
    if not settings.database:
        settings = dataclasses.replace(settings, database=default_database())
    return settings


def default_database() -> str:
    """Return the URL of the database in the user's data folder."""
    from platformdirs import user_data_path

    return f"sqlite:///{Path(user_data_path('backscroll', appauthor=False)) / 'backscroll.db'}"


def _parsed(shown: str, text: str, item: "dataclasses.Field[Any]") -> object:
    rule, kind = item.metadata, type(item.default)
    if kind is bool:
        return _boolean(shown, text)
    if kind in {int, float}:
        return _number(shown, text, kind, rule["least"], rule["most"])
    if kind is tuple:
        words = tuple(word.strip() for word in text.split(",") if word.strip())
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
