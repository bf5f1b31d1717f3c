"""The metadata that all manifests share."""

import dataclasses
import tomllib
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

from backscroll.commands.connect import entry
from backscroll.commands.connect.hosts import BY_NAME
from backscroll.settings import installation
from backscroll.settings.model import PREFIX, Settings
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Tool

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "manifests"

JSON: TypeAlias = dict[str, Any]

PROJECT: Final[JSON] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

NAME: Final[str] = PROJECT["name"]
VERSION: Final[str] = PROJECT["version"]
TITLE: Final = "Backscroll"
REGISTRY_NAME: Final = "io.github.backscroll/backscroll"
REPOSITORY: Final = installation.REPOSITORY
"""The repository that owns the registry name."""

_RUN: Final = installation.run_once()
DESCRIPTION: Final = (
    "Read and write conversation messages behind an OpenAI-shaped API, in bounded pages."
)
"""At most 100 characters (MCP registry, `description`)."""

AUTHOR: Final[str] = PROJECT["authors"][0]["name"]
LICENSE: Final[str] = PROJECT["license"]
KEYWORDS: Final = ("mcp", "conversations", "threads", "messages", "openai")
CATEGORY: Final = "productivity"

SERVER: Final[JSON] = {"command": _RUN[0], "args": _RUN[1:]}
"""How a host starts the server without any settings."""

TYPED_SERVER: Final[JSON] = {"type": "stdio", **SERVER}

_EXAMPLES: Final = {
    "base_url": "https://example.com/v1",
    "database": "sqlite:///~/messages.sqlite3",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Variable:
    """A setting as a host asks the user for it.

    Attributes:
        setting: the field's name in `Settings`.
        name: the environment variable.
        description: one or two sentences for the user.
        default: the default as text; empty if there is no default.
        choices: the allowed words; empty if any value is allowed.
        format: `string`, `number` or `boolean`.
        secret: whether hosts must hide the value.
        example: a placeholder; may be empty.
    """

    setting: str
    name: str
    description: str
    default: str
    choices: tuple[str, ...]
    format: str
    secret: bool
    example: str


def suited(host: str, server: JSON) -> JSON:
    """Return a server's entry with the settings that suit what a host's model sees."""
    env = entry.variables(BY_NAME[host].suited)
    return {**server, "env": {**env, **server.get("env", {})}} if env else server


def variables() -> tuple[Variable, ...]:
    """Return every setting, in the order of `Settings`."""
    return tuple(_variable(field) for field in dataclasses.fields(Settings))


def variable(setting: str) -> Variable:
    """Return one setting."""
    return next(item for item in variables() if item.setting == setting)


def arguments(tool: Tool) -> JSON:
    """Return the schemas of a tool's arguments, by name."""
    return cast("JSON", tool.input_schema["properties"])


def tools() -> tuple[Tool, ...]:
    """Return every tool."""
    return TOOLS


def _variable(field: "dataclasses.Field[Any]") -> Variable:
    about: str = field.metadata["about"]
    default: Any = field.default
    text = ",".join(default) if isinstance(default, tuple) else str(default)
    kind = type(default)
    return Variable(
        setting=field.name,
        name=f"{PREFIX}{field.name.upper()}",
        description=f"{about[0].upper()}{about[1:]}.{_rule(field)}",
        default=text.lower() if kind is bool else f"{default:g}" if kind is float else text,
        choices=tuple(filter(None, field.metadata.get("one_of", ()))),
        format="boolean" if kind is bool else "number" if kind in {int, float} else "string",
        secret="secret" in field.metadata,
        example=_EXAMPLES.get(field.name, ""),
    )


def _rule(field: "dataclasses.Field[Any]") -> str:
    """Return a number's bounds or a list's allowed words as a sentence, or an empty text."""
    if "least" in field.metadata:
        return f" From {field.metadata['least']} to {field.metadata['most']}."
    words = field.metadata.get("any_of", ())
    return f" Any of: {', '.join(words)}." if words else ""
