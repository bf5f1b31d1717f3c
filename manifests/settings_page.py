"""docs/settings.md and the README's table, rendered from `Settings`."""

import dataclasses
from collections.abc import Iterable
from typing import Any, Final

from backscroll.settings.model import OPENAI, PREFIX, Settings
from manifests.tables import code, table

README: Final = (
    "upstream",
    "base_url",
    "api_key",
    "database",
    "toolsets",
    "read_only",
    "result_chars",
    "output",
    "deadline_s",
    "log_level",
)
"""The settings that the README lists."""

_HEAD: Final = """\
# Settings

A flag overrides the environment, which overrides the default. Each variable `BACKSCROLL_NAME` is
also the option `--name` of the commands that use it, and `--no-name` if it is a boolean. The server
does not start with an unknown setting or an invalid value; it prints one line that names it.
`backscroll doctor` shows what is set, and where.

Keys have no option, because every process list would show them. Lists are comma-separated.

The same rules hold for every setting:

- An empty or blank value counts as unset.
- A file path (`BACKSCROLL_DATABASE`, the TLS files) may begin with `~/` or `~user/`. A variable's
  relative path is resolved against the user's data folder, because hosts start servers in any
  folder; an option's, against the current folder. The data folder is `~/.local/share/backscroll` on
  Linux (`$XDG_DATA_HOME/backscroll` if that is set), `~/Library/Application Support/backscroll` on
  macOS, and `%LOCALAPPDATA%\\backscroll` on Windows.
  `BACKSCROLL_DATABASE` may be a path or a URL: `~/talks.db`, `sqlite:///~/talks.db`. Percent-encode
  special characters in a URL: `%3F` is a `?`. `backscroll doctor` shows where the data is.
- A `$` is refused, because Backscroll does not expand `$HOME` or `${input:key}`. Keys and passwords
  may contain one, but not `${…}`, and they may not consist of `$NAME` alone. In a URL, write `%24`
  for a `$`. A `~` that names no home folder is refused too.

"""
_RECORDER: Final = """
## Recording a model server

For `backscroll store`, in front of a model server; see [recording a model server](recorder.md). The
options are `--forward URL`, `--record` and `--state`.

"""
_HTTP: Final = """
## Over HTTP

For `backscroll serve --transport http`; see [running Backscroll for a team](team.md).

"""
_OPENAI_HEAD: Final = """
## OpenAI's own variables

If the upstream is `openai`, Backscroll also reads the variables of OpenAI's official client.
Backscroll's own variables override them, and they never choose the upstream.

"""


def document() -> str:
    """Return docs/settings.md."""
    every = dataclasses.fields(Settings)
    own = [field for field in every if not field.metadata.keys() & {"http", "recorder"}]
    recorder = [field for field in every if "recorder" in field.metadata]
    http = [field for field in every if "http" in field.metadata]
    openai = ((code(theirs), code(_variable(name))) for name, theirs in OPENAI.items())
    return (
        f"{_HEAD}{_table(own)}{_RECORDER}{_table(recorder)}{_HTTP}{_table(http)}{_OPENAI_HEAD}"
        f"{table(('variable', 'equivalent to'), openai)}"
    )


def few() -> str:
    """Return the README's table."""
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    rows = (
        (code(_variable(name)), _default(fields[name]), _about(fields[name])) for name in README
    )
    return table(("variable", "default", "what"), rows)


def _table(fields: Iterable["dataclasses.Field[Any]"]) -> str:
    rows = (
        (code(_variable(field.name)), _default(field), _rule(field), _about(field))
        for field in fields
    )
    return table(("variable", "default", "may be", "what"), rows)


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper()}"


def _default(field: "dataclasses.Field[Any]") -> str:
    default: Any = field.default
    if isinstance(default, bool):
        return code(str(default).lower())
    if isinstance(default, float):
        return code(f"{default:g}")
    return code(",".join(default) if isinstance(default, tuple) else str(default))


def _rule(field: "dataclasses.Field[Any]") -> str:
    rule = field.metadata
    if "least" in rule:
        return f"{rule['least']:g} to {rule['most']:,}"
    words = rule.get("one_of") or rule.get("any_of") or ()
    if isinstance(field.default, bool):
        words = ("true", "false")
    return ", ".join(code(word) for word in words if word)


def _about(field: "dataclasses.Field[Any]") -> str:
    about: str = field.metadata["about"]
    return about
