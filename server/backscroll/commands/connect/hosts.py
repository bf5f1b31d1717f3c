"""The supported hosts: where each keeps its MCP servers, and in which format.

Source: the documentation of each host in November 2026. A comment at each host names the page.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias

from msgspec import Struct, field

from backscroll.commands.connect import own_command
from backscroll.commands.connect.entry import KEY, KEY_INPUT
from backscroll.commands.connect.machine import Machine
from backscroll.commands.connect.own_command import OwnCommand

Format: TypeAlias = Literal["json", "toml", "url"]


class Host(Struct, frozen=True):
    """A program that can start or connect to MCP servers, such as VS Code.

    Attributes:
        name: the host's name on the command line.
        title: the host's name as shown to users.
        format: the format of the host's configuration file; `url` if the host has no such file and
            connects to the address of a server.
        config: returns the path of the file with the user's servers.
        trace: returns a path whose existence suggests that the host is installed.
        servers: the name of the object or table in the file that contains the servers.
        type: the value of the field `type` of an entry; empty if entries have no such field.
        env: the name of the field of an entry that contains environment variables.
        joined: whether the `command` of an entry is a list that includes the arguments.
        reference: the placeholder for the key in an entry's variables; empty if the host does not
            support one.
        asks: whether the host asks the user for the key and stores it (VS Code's inputs).
        forwards: whether an entry lists the names of the host's variables to pass to the server
            (Codex's `env_vars`).
        own: the host's own command that adds and removes servers; None if it has no such command.
        program: the name of the host's program on PATH, if `own` is None.
        model_sees: describes the part of a result that the host shows to its model, as the end of a
            sentence that begins with `its model`; empty if the model sees the whole result, or if
            the visible part is unknown.
        suited: the settings, by name, that adapt results to the limits in `model_sees`. A setting
            is written to the entry unless the user gives it another value. If the host has no file,
            `connect` tells the user to start the server with these settings.
        skills: returns the folder in which the host looks for the user's skills, each of which is a
            folder with a file SKILL.md; None if the host has no such folder.
        key_source: a sentence that states where the host gets the key.
        next_step: a sentence that tells the user what to do after the file was written.
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
    skills: Callable[[Machine], Path] | None = None
    key_source: str = ""
    next_step: str = ""


def _claude(machine: Machine) -> Path:
    """Return Claude Desktop's folder. On Windows, it may be in the folder of the app's package."""
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


def _copilot(machine: Machine) -> Path:
    return machine.folder("COPILOT_HOME", ".copilot")


def _opencode(machine: Machine) -> Path:
    return machine.folder("XDG_CONFIG_HOME", ".config") / "opencode"


def _opencode_file(machine: Machine) -> Path:
    """Return opencode's configuration file, which can have either of two names."""
    with_comments = _opencode(machine) / "opencode.jsonc"
    return with_comments if with_comments.exists() else _opencode(machine) / "opencode.json"


_FROM_ENVIRONMENT: Final = f"{{}} reads the key from {KEY} in its own environment."

_ONLY_STRUCTURED: Final = "sees only the structured part of a result, if there is one"

HOSTS: Final = (
    # modelcontextprotocol.io, "Connect to local MCP servers". Claude Desktop does not expand
    # references to environment variables, and does not pass its own variables to servers. It stores
    # secrets only for bundles (.mcpb).
    Host(
        "claude",
        "Claude Desktop",
        "json",
        config=lambda machine: _claude(machine) / "claude_desktop_config.json",
        trace=_claude,
        key_source=(
            "Without the bundle (backscroll.mcpb), Claude Desktop can store a key only in its "
            "configuration file: --write-key writes the key there in clear text. The bundle stores "
            "the key in the system's key store."
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
        # Issue 79944 of anthropics/claude-code: the model sees only structured content. The
        # documentation ("MCP output limits and warnings") limits a result to 25,000 tokens, and
        # says that a result of 50,000 characters or more is written to a file.
        model_sees=f"{_ONLY_STRUCTURED}; a result of 50,000 characters or more goes to a file",
        suited={"output": "text", "result_chars": "30000"},
        # code.claude.com/docs/en/skills, "Where skills live".
        skills=lambda machine: machine.folder("CLAUDE_CONFIG_DIR", ".claude") / "skills",
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
        # Source code of Copilot's chat extension (microsoft/vscode, March 2026): the model sees
        # structured content instead of the text, and a result of more than 8 KiB is written to a
        # file.
        model_sees=f"{_ONLY_STRUCTURED}; a result of more than 8 KiB goes to a file",
        suited={"output": "text", "result_chars": "8000"},
        # code.visualstudio.com/docs/agent-customization/agent-skills.
        skills=lambda machine: machine.home / ".copilot" / "skills",
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
        # cursor.com/docs/skills.
        skills=lambda machine: machine.home / ".cursor" / "skills",
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
        # Source code of openai/codex, August 2026: the model sees only structured content. Issue
        # 14466 of openai/codex: the middle of a result of 10,000 tokens or more is cut out.
        model_sees=f"{_ONLY_STRUCTURED}; a result of 10,000 tokens or more loses its middle",
        suited={"output": "text", "result_chars": "30000"},
        # developers.openai.com/codex/skills: CODEX_HOME does not move this folder.
        skills=lambda machine: machine.home / ".agents" / "skills",
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
        # geminicli.com/docs/cli/using-agent-skills, "Discovery tiers".
        skills=lambda machine: _gemini(machine) / "skills",
        key_source=_FROM_ENVIRONMENT.format("Gemini CLI"),
        next_step=(
            "Start gemini, and run /mcp. Gemini CLI starts no servers in a folder that it does not "
            "trust: run /permissions there to trust it."
        ),
    ),
    # opencode.ai/docs/mcp-servers and /docs/config, checked with opencode 1.18.33.
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
        # Seen with opencode 1.18.33 (`make hosts`): the model sees only the text, and a result of
        # 50 KB or more is written to a file. Earlier versions showed only structured content.
        model_sees="sees only the text of a result; a result of 50 KB or more goes to a file",
        suited={"output": "text", "result_chars": "30000"},
        # opencode.ai/docs/skills.
        skills=lambda machine: _opencode(machine) / "skills",
        key_source=_FROM_ENVIRONMENT.format("opencode"),
        next_step="Run opencode mcp list.",
    ),
    # `copilot mcp --help` and `copilot help environment`, checked with Copilot CLI 1.0.102, which
    # passes its own variables on to servers.
    Host(
        "copilot",
        "Copilot CLI",
        "json",
        config=lambda machine: _copilot(machine) / "mcp-config.json",
        trace=_copilot,
        type="local",
        reference=f"${{{KEY}}}",
        program="copilot",
        # Seen with Copilot CLI 1.0.102 (`make hosts`): the model sees both parts. A text of 18,582
        # characters reached it whole, one of 28,828 was written to a file. Issue 3258 of
        # github/copilot-cli: an earlier version showed only structured content.
        model_sees="sees both parts of a result; a long result goes to a file",
        suited={"output": "text", "result_chars": "20000"},
        key_source=_FROM_ENVIRONMENT.format("Copilot CLI"),
        # docs.github.com, "Adding agent skills for GitHub Copilot CLI".
        skills=lambda machine: _copilot(machine) / "skills",
        next_step="Run copilot mcp list.",
    ),
    # developers.openai.com/apps-sdk, "Connect from ChatGPT". ChatGPT only connects over HTTPS.
    # Issue 144 of openai/openai-apps-sdk-examples: the model sees only structured content.
    Host(
        "chatgpt",
        "ChatGPT",
        "url",
        config=lambda machine: machine.home,
        trace=lambda machine: machine.home,
        model_sees=_ONLY_STRUCTURED,
        suited={"output": "text"},
    ),
)

BY_NAME: Final = {host.name: host for host in HOSTS}
