"""docs/settings.md, and the README's few, from the settings themselves."""

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
"""Those that most people meet."""

_HEAD: Final = """\
# Settings

A flag wins over the environment, which wins over the default. Each variable `BACKSCROLL_NAME` is
the option `--name` of the commands that it matters to; of a yes or no there is `--no-name` too. An
unknown or bad one stops the start with one line. `backscroll doctor` shows what is set, and from
where.

A key has no option, because every process list would show it. Lists have commas.

The same rules hold for every setting:

- An empty or blank one is unset, as if it was not there.
- The path of a file (`BACKSCROLL_DATABASE`, the TLS files) may begin with `~/` or `~user/`. A
  relative path in a variable is in the user's data folder (`~/.local/share/backscroll` on Linux),
  because hosts start servers in any folder; in an option it is in the current one.
  `BACKSCROLL_DATABASE` may be such a path, or a URL: `~/talks.db`, `sqlite:///~/talks.db`. In a URL
  `%3F` is a `?`, and so on. `backscroll doctor` shows where the data is.
- A `$` is refused, since nothing here resolves `$HOME` or `${input:key}`. Keys and passwords may
  hold one, unless they hold `${…}` or are `$NAME` as a whole. In a URL a `$` is written `%24`.
  A `~` that stands for no home folder is refused too.

"""
_HTTP: Final = """
## Over HTTP

For `backscroll serve --transport http`: see [running it for a team](team.md).

"""
_USUAL: Final = """
## OpenAI's own variables

Where the upstream is `openai`, what OpenAI's own client reads counts too, unless the variable of
Backscroll is set. They never choose the upstream.

"""


def document() -> str:
    """Return docs/settings.md."""
    every = dataclasses.fields(Settings)
    own = [field for field in every if "http" not in field.metadata]
    http = [field for field in every if "http" in field.metadata]
    usual = ((code(theirs), code(_variable(name))) for name, theirs in OPENAI.items())
    return (
        f"{_HEAD}{_table(own)}{_HTTP}{_table(http)}{_USUAL}"
        f"{table(('variable', 'stands for'), usual)}"
    )


def few() -> str:
    """Return the table of the README."""
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
