"""The supported hosts: where each keeps its MCP servers, and in which format.

Sources, as of November 2026: each host's documentation, named in a comment.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from backscroll.commands.connect import own_command
from backscroll.commands.connect.entry import KEY, KEY_INPUT
from backscroll.commands.connect.own_command import OwnCommand

Format: TypeAlias = Literal["json", "toml", "url"]


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine on which to look for hosts.

    Attributes:
        platform: a value of `sys.platform`.
        environ: the environment variables.
        home: the user's home folder.
    """

    platform: str
    environ: Mapping[str, str]
    home: Path

    def folder(self, variable: str, *default: str) -> Path:
        """Return the folder that a variable names, or `default` in the home folder if unset."""
        named = self.environ.get(variable)
        return Path(named) if named else self.home.joinpath(*default)

    def program(self, name: str) -> str:
        """Return the path of a program on PATH; empty if it is not found."""
        return shutil.which(name, path=self.environ.get("PATH", "")) or ""

    @property
    def application_data(self) -> Path:
        """The folder in which Electron applications keep their data (Electron's `app.getPath`)."""
        if self.platform == "win32":
            return self.folder("APPDATA", "AppData", "Roaming")
        if self.platform == "darwin":
            return self.home / "Library" / "Application Support"
        return self.folder("XDG_CONFIG_HOME", ".config")


@dataclass(frozen=True, slots=True)
class Host:
    """One host.

    Attributes:
        name: its name on the command line.
        title: its name as shown to users.
        format: the format of its file; `url` if it has no file and connects to an address.
        config: returns the path of the file with the user's servers.
        trace: returns a path that usually exists if the host is installed.
        servers: the name of the object or table that contains the servers.
        typed: whether an entry has the field `type`, which is `stdio`.
        reference: the placeholder for the key in an entry's `env`; empty if there cannot be one.
        asks: whether the host asks the user for the key and stores it (VS Code's inputs).
        forwards: whether an entry lists variables to pass to the server (Codex's env_vars).
        own: its own command to add and remove servers, if it has one.
        key_source: where the host takes the key from, as a sentence.
        next_step: what the user does after the file is written.
    """

    name: str
    title: str
    format: Format
    config: Callable[[Machine], Path]
    trace: Callable[[Machine], Path]
    servers: str = "mcpServers"
    typed: bool = False
    reference: str = ""
    asks: bool = False
    forwards: bool = False
    own: OwnCommand | None = None
    key_source: str = ""
    next_step: str = ""


def _claude(machine: Machine) -> Path:
    """Return Claude Desktop's folder; on Windows, a packaged app has it inside its package."""
    if machine.platform == "win32":
        packages = machine.folder("LOCALAPPDATA", "AppData", "Local") / "Packages"
        for package in sorted(packages.glob("Claude_*")):
            return package / "LocalCache" / "Roaming" / "Claude"
    return machine.application_data / "Claude"


def _claude_code(machine: Machine) -> Path:
    return machine.folder("CLAUDE_CONFIG_DIR") / ".claude.json"


def _codex(machine: Machine) -> Path:
    return machine.folder("CODEX_HOME", ".codex")


def _gemini(machine: Machine) -> Path:
    return machine.folder("GEMINI_CLI_HOME") / ".gemini"


_FROM_ENVIRONMENT: Final = f"{{}} reads the key from {KEY} in its own environment."

HOSTS: Final = (
    # modelcontextprotocol.io, "Connect to local MCP servers". Claude Desktop neither
    # expands nor passes on variables; it stores secrets only for bundles (.mcpb).
    Host(
        "claude",
        "Claude Desktop",
        "json",
        config=lambda machine: _claude(machine) / "claude_desktop_config.json",
        trace=_claude,
        key_source=(
            "Claude Desktop can only store a key in this file: --write-key writes it there in "
            "clear text. The bundle (backscroll.mcpb) stores it in the system's key store instead."
        ),
        next_step="Quit Claude Desktop and start it again.",
    ),
    # code.claude.com/docs/en/mcp, "Environment variable expansion".
    Host(
        "claude-code",
        "Claude Code",
        "json",
        config=_claude_code,
        trace=_claude_code,
        typed=True,
        reference=f"${{{KEY}}}",
        own=own_command.CLAUDE_CODE,
        key_source=_FROM_ENVIRONMENT.format("Claude Code"),
        next_step="Start claude, and run /mcp.",
    ),
    # code.visualstudio.com/docs/copilot/reference/mcp-configuration.
    Host(
        "vscode",
        "VS Code",
        "json",
        config=lambda machine: machine.application_data / "Code" / "User" / "mcp.json",
        trace=lambda machine: machine.application_data / "Code" / "User",
        servers="servers",
        typed=True,
        reference=f"${{input:{KEY_INPUT}}}",
        asks=True,
        own=own_command.VSCODE,
        key_source="VS Code asks for the key at the server's first start, and stores it securely.",
        next_step='Run "MCP: List Servers" in VS Code, and start backscroll.',
    ),
    # cursor.com/docs/mcp, "Config interpolation".
    Host(
        "cursor",
        "Cursor",
        "json",
        config=lambda machine: machine.home / ".cursor" / "mcp.json",
        trace=lambda machine: machine.home / ".cursor",
        reference=f"${{env:{KEY}}}",
        key_source=_FROM_ENVIRONMENT.format("Cursor"),
        next_step="Enable backscroll in Cursor's settings, under MCP.",
    ),
    # developers.openai.com/codex, "Model Context Protocol".
    Host(
        "codex",
        "Codex",
        "toml",
        config=lambda machine: _codex(machine) / "config.toml",
        trace=_codex,
        servers="mcp_servers",
        forwards=True,
        own=own_command.CODEX,
        key_source=_FROM_ENVIRONMENT.format("Codex"),
        next_step="Start codex, and run /mcp.",
    ),
    # geminicli.com/docs/tools/mcp-server.
    Host(
        "gemini",
        "Gemini CLI",
        "json",
        config=lambda machine: _gemini(machine) / "settings.json",
        trace=_gemini,
        reference=f"${KEY}",
        own=own_command.GEMINI,
        key_source=_FROM_ENVIRONMENT.format("Gemini CLI"),
        next_step="Start gemini, and run /mcp.",
    ),
    # developers.openai.com/apps-sdk, "Connect from ChatGPT". ChatGPT only connects over HTTPS.
    Host(
        "chatgpt",
        "ChatGPT",
        "url",
        config=lambda machine: machine.home,
        trace=lambda machine: machine.home,
    ),
)

BY_NAME: Final = {host.name: host for host in HOSTS}
