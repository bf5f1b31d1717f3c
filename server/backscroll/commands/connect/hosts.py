"""The supported hosts: where each keeps its MCP servers, and in which format.

Sources, as of November 2026: each host's documentation, named in a comment.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
        type: the value of an entry's field `type`; empty if it has no such field.
        env: the name of an entry's variables.
        joined: whether an entry's `command` is a list with the arguments in it.
        reference: the placeholder for the key in an entry's `env`; empty if there cannot be one.
        asks: whether the host asks the user for the key and stores it (VS Code's inputs).
        forwards: whether an entry lists variables to pass to the server (Codex's env_vars).
        own: its own command to add and remove servers, if it has one.
        program: the name of its program on PATH, if it has no command to add servers.
        model_sees: the part of a result that reaches its model, as the end of a sentence; empty if
            the whole result does, or if that is not known.
        suited: the settings that suit what its model sees, by name. They are written to the entry
            unless other values are given.
        key_source: where the host takes the key from, as a sentence.
        next_step: what the user does after the file is written.
    """

    name: str
    title: str
    format: Format
    config: Callable[[Machine], Path]
    trace: Callable[[Machine], Path]
    servers: str = "mcpServers"
    type: str = ""
    env: str = "env"
    joined: bool = False
    reference: str = ""
    asks: bool = False
    forwards: bool = False
    own: OwnCommand | None = None
    program: str = ""
    model_sees: str = ""
    suited: Mapping[str, str] = field(default_factory=dict)
    key_source: str = ""
    next_step: str = ""


def _claude(machine: Machine) -> Path:
    """Return Claude Desktop's folder; on Windows, a packaged app keeps it inside its package."""
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


def _opencode(machine: Machine) -> Path:
    return machine.folder("XDG_CONFIG_HOME", ".config") / "opencode"


def _opencode_file(machine: Machine) -> Path:
    """Return opencode's file, which can have either of two names."""
    with_comments = _opencode(machine) / "opencode.jsonc"
    return with_comments if with_comments.exists() else _opencode(machine) / "opencode.json"


_FROM_ENVIRONMENT: Final = f"{{}} reads the key from {KEY} in its own environment."

_ONLY_STRUCTURED: Final = "sees only the structured part of a result, if there is one"

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
        type="stdio",
        reference=f"${{{KEY}}}",
        own=own_command.CLAUDE_CODE,
        # anthropics/claude-code issue 79944: structured content alone. Documentation, "MCP output
        # limits and warnings": 25,000 tokens; and from 50,000 characters on, a file.
        model_sees=f"{_ONLY_STRUCTURED}, and a file if it has more than 50,000 characters",
        suited={"output": "text", "result_chars": "30000"},
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
        type="stdio",
        reference=f"${{input:{KEY_INPUT}}}",
        asks=True,
        own=own_command.VSCODE,
        # microsoft/vscode, Copilot's chat extension, March 2026: structured content replaces the
        # text, and a result of more than 8 KiB is written to a file.
        model_sees=f"{_ONLY_STRUCTURED}, and a file if it has more than 8 KiB",
        suited={"output": "text", "result_chars": "8000"},
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
        program="cursor",
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
        # openai/codex, August 2026: structured content alone. Issue 14466: the middle of a result
        # is cut out from 10,000 tokens on.
        model_sees=f"{_ONLY_STRUCTURED}, without its middle from 10,000 tokens on",
        suited={"output": "text", "result_chars": "30000"},
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
        next_step=(
            "Start gemini, and run /mcp. Gemini CLI starts no servers in a folder that it does not "
            "trust: run /permissions there to trust it."
        ),
    ),
    # opencode.ai/docs/mcp-servers and /docs/config; opencode 1.18.33 was run.
    Host(
        "opencode",
        "opencode",
        "json",
        config=_opencode_file,
        trace=_opencode,
        servers="mcp",
        type="local",
        env="environment",
        joined=True,
        reference=f"{{env:{KEY}}}",
        program="opencode",
        # sst/opencode, 2026: structured content alone; from 50 KB on, a file.
        model_sees=f"{_ONLY_STRUCTURED}, and a file if it has more than 50 KB",
        suited={"output": "text", "result_chars": "30000"},
        key_source=_FROM_ENVIRONMENT.format("opencode"),
        next_step="Run opencode mcp list.",
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
