"""The agents: a value for each, with what makes it use the recorder as its model server."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from bench.hosts.programs import BY_NAME, HostProgram, codex_files

PROMPT: Final = "{prompt}"
"""The argument that becomes the prompt. Agents without it read the prompt on stdin."""


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent.

    Attributes:
        title: its name.
        program: its program; the options are those of its first turn.
        again: the options of a later turn, which continues the session.
        shell: the tool with which it runs a command.
        argument: the argument of the tool that is the command.
        more: other arguments that the tool requires.
        dialect: what the model server speaks: the name of a dialect of tests/models.
    """

    title: str
    program: HostProgram
    again: tuple[str, ...]
    shell: str
    argument: str = "command"
    more: tuple[tuple[str, str], ...] = ()
    dialect: str = "OpenAI"

    def prompt(self, text: str, command: str) -> str:
        """Return a prompt at which the scripted model lets the agent run a command."""
        arguments = {self.argument: command, **dict(self.more)}
        return f"{text}\n/call {self.shell} {json.dumps(arguments)}"


_CODEX: Final = ("--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "-")
_COPILOT: Final = ("--allow-all-tools", "--prompt", PROMPT)
_WHY: Final = (("description", "Keep a note"),)


def _codex(address: str) -> Mapping[str, str]:
    """Return Codex's own provider at another address: it asks for a WebSocket first."""
    return codex_files(f'openai_base_url = "{address}/v1"')


def _opencode_responses(address: str) -> Mapping[str, str]:
    """Return opencode's configuration with the package that speaks the Responses API."""
    files = BY_NAME["opencode"].files(address)
    return {
        name: text.replace("@ai-sdk/openai-compatible", "@ai-sdk/openai")
        for name, text in files.items()
    }


_OPENCODE: Final = replace(BY_NAME["opencode"], options=("run",))

AGENTS: Final = (
    Agent(
        "Codex",
        replace(
            BY_NAME["codex"],
            options=("exec", *_CODEX),
            environ=lambda _: {"CODEX_API_KEY": "scripted"},
            files=_codex,
        ),
        ("exec", "resume", "--last", *_CODEX),
        "exec_command",
        "cmd",
        dialect="Codex's backend",
    ),
    Agent("opencode, chat completions", _OPENCODE, ("run", "--continue"), "bash", more=_WHY),
    Agent(
        "opencode, responses",
        replace(_OPENCODE, files=_opencode_responses),
        ("run", "--continue"),
        "bash",
        more=_WHY,
    ),
    Agent(
        "Copilot CLI",
        replace(BY_NAME["copilot"], options=_COPILOT),
        ("--continue", *_COPILOT),
        "bash",
        more=_WHY,
    ),
)
