"""Which part of a result each host shows to its model, as far as that is known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from backscroll.commands.connect.hosts import BY_NAME

Part: TypeAlias = Literal["text", "structured", "both"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A host's rule.

    Attributes:
        title: the host's name.
        shows: the part that the model gets of a result with both parts.
        settings: the settings that `connect` writes or that docs/hosts.md recommends, by name.
    """

    title: str
    shows: Part
    settings: Mapping[str, str] = field(default_factory=dict)


def _connected(name: str, shows: Part) -> Rule:
    host = BY_NAME[name]
    return Rule(host.title, shows, host.suited)


_TEXT: Final = MappingProxyType({"output": "text"})

RULES: Final = (
    _connected("claude-code", "structured"),
    Rule("Claude on the web", "text"),
    _connected("vscode", "structured"),
    _connected("copilot", "both"),
    _connected("codex", "structured"),
    _connected("opencode", "text"),
    _connected("gemini", "text"),
    _connected("cursor", "text"),
    _connected("chatgpt", "structured"),
    Rule("goose", "text"),
    Rule("LibreChat", "text"),
    Rule("Open WebUI", "text"),
    Rule("OpenAI Agents SDK", "text"),
    Rule("Pydantic AI", "structured", _TEXT),
    Rule("LangChain", "text"),
)
