"""Recognises an entry that Backscroll wrote, and keeps what a user or host added to the entry."""

import re
from collections.abc import Mapping
from typing import Any, Final

from backscroll.commands.connect.entry import KEY
from backscroll.settings.installation import NAME
from backscroll.settings.model import PREFIX

_WRITTEN: Final = frozenset({"type", "command", "args"})
"""The members of an entry that `backscroll connect` replaces when it updates the entry."""

_COMMANDS: Final = (
    re.compile(NAME),
    re.compile(rf"python[\d.]*w? -m {NAME}"),
    re.compile(rf"uvx (?:--from \S.* )?{NAME}"),
    re.compile(rf"pipx run (?:--spec \S.* )?{NAME}"),
)
"""The start commands that `backscroll connect` writes, without the folder of the program."""


def is_ours(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry's command is one that `backscroll connect` writes."""
    command, arguments = entry.get("command"), entry.get("args", [])
    words = command if isinstance(command, list) else [command, *arguments]
    if not words or not all(isinstance(word, str) for word in words):
        return False
    program = re.split(r"[\\/]", words[0])[-1].removesuffix(".exe")
    line = " ".join((program, *words[1:]))
    return any(pattern.fullmatch(line) for pattern in _COMMANDS)


def merged(found: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """Return Backscroll's new entry, with what a user or host has added to the existing entry.

    Additions are members that Backscroll does not write, such as a timeout, and variables whose
    names do not begin with `BACKSCROLL_`.
    """
    result = dict(ours)
    for name, value in found.items():
        if name == "env_vars" and isinstance(value, list):
            result[name] = [*ours.get(name, ()), *(item for item in value if item != KEY)]
        elif name in {"env", "environment"} and isinstance(value, Mapping):
            others = {each: text for each, text in value.items() if not each.startswith(PREFIX)}
            result[name] = {**ours.get(name, {}), **others}
        elif name not in _WRITTEN:
            result[name] = value
    return {name: value for name, value in result.items() if name in ours or value not in ([], {})}
