"""Generates a command's options from the fields of `Settings`."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, Concatenate, Final, ParamSpec, TypeAlias, TypeVar

import click

from backscroll.settings.loading import load
from backscroll.settings.model import PREFIX, Settings
from backscroll.settings.variables import flag_of

_FIELDS: Final = {item.name: item for item in dataclasses.fields(Settings)}

RECORDING: Final = tuple(
    name
    for name, item in _FIELDS.items()
    if "recorder" in item.metadata and "secret" not in item.metadata
)
"""The settings that only `backscroll store` uses, to record what goes to a model server."""

SERVING: Final = tuple(
    name
    for name, item in _FIELDS.items()
    if "secret" not in item.metadata and name not in RECORDING
)
"""The settings that can be options of a server: all except secrets, because process lists show
options, and those in `RECORDING`."""

EVERY: Final = tuple(name for name in SERVING if "http" not in _FIELDS[name].metadata)
"""The settings in `SERVING` that also have an effect without HTTP."""

Flags: TypeAlias = dict[str, str]
"""The settings that are given on the command line: each field's name, and its value as text."""

P = ParamSpec("P")
T = TypeVar("T")


def with_flags(
    *names: str,
) -> Callable[[Callable[Concatenate[Flags, P], T]], Callable[P, T]]:
    """Add options for settings to a command, which gets the `Flags` as its first argument.

    Raises:
        ValueError: one of the settings is a secret.
    """
    _refuse_secrets(names)

    def decorate(command: Callable[Concatenate[Flags, P], T]) -> Callable[P, T]:
        @functools.wraps(command)
        def run(*args: P.args, **values: P.kwargs) -> T:
            given = {name: values.pop(name) for name in names}
            flags = {name: str(value) for name, value in given.items() if value is not None}
            return command(flags, *args, **values)

        wrapped: Callable[P, T] = run
        for name in reversed(names):
            wrapped = _option(_FIELDS[name])(wrapped)
        return wrapped

    return decorate


def with_settings(
    *names: str,
) -> Callable[[Callable[Concatenate[Settings, P], T]], Callable[P, T]]:
    """Add options for settings to a command, which gets the `Settings` as its first argument.

    `settings.load` parses the text of each option, so that the same rules and errors apply to
    options as to environment variables.

    Raises:
        ValueError: as in `with_flags`.
    """
    _refuse_secrets(names)

    def decorate(command: Callable[Concatenate[Settings, P], T]) -> Callable[P, T]:
        @functools.wraps(command)
        def run(flags: Flags, /, *args: P.args, **values: P.kwargs) -> T:
            return command(load(flags), *args, **values)

        return with_flags(*names)(run)

    return decorate


def _refuse_secrets(names: tuple[str, ...]) -> None:
    for name in names:
        if "secret" in _FIELDS[name].metadata:
            raise ValueError(f"{name} is a secret, which cannot be an option")


def _option(item: "dataclasses.Field[Any]") -> Callable[[Callable[P, T]], Callable[P, T]]:
    flag = flag_of(item.name)
    about = item.metadata["about"]
    about = f"{about[0].upper()}{about[1:]}.  [{_rule(item)}{PREFIX}{item.name.upper()}]"
    if isinstance(item.default, bool):
        return click.option(f"{flag}/--no-{flag[2:]}", item.name, default=None, help=about)
    return click.option(flag, item.name, metavar=_metavar(item), help=about)


def _rule(item: "dataclasses.Field[Any]") -> str:
    if item.default in {"", ()}:
        return ""
    default = ",".join(item.default) if isinstance(item.default, tuple) else item.default
    bounds = ""
    if "least" in item.metadata:
        bounds = f"{item.metadata['least']}-{item.metadata['most']}; "
    return f"{bounds}default: {str(default).lower()}; "


def _metavar(item: "dataclasses.Field[Any]") -> str:
    choices = item.metadata.get("one_of") or item.metadata.get("any_of")
    if choices:
        return "|".join(filter(None, choices))
    return {int: "N", float: "SECONDS"}.get(type(item.default), "TEXT")
