"""The hosts that run: a value for each, with what makes it use the scripted model."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.hosts.apis import CHAT_COMPLETIONS, GEMINI, MESSAGES, RESPONSES
from bench.hosts.apis.api import Api

PROMPT: Final = "Read the conversations that the script asks for."
_KEY: Final = "scripted"


@dataclass(frozen=True, slots=True)
class HostProgram:
    """A host that runs without a screen.

    Attributes:
        name: the host's name for `backscroll connect`.
        program: the name of the program, in `node_modules/.bin`.
        package: the npm package.
        api: the API that the host speaks with the scripted model.
        options: the command line after the program.
        environ: returns the environment variables, from the model's address.
        files: returns the files that must be in the home folder before `backscroll connect` runs,
            from the model's address. The keys are paths relative to the home folder.
        note: what the reader of the results must know of the run; may be empty.
    """

    name: str
    program: str
    package: str
    api: Api
    options: tuple[str, ...]
    environ: Callable[[str], Mapping[str, str]]
    files: Callable[[str], Mapping[str, str]] = lambda _: {}
    note: str = ""


def codex_files(setting: str, table: str = "") -> Mapping[str, str]:
    """Return Codex's configuration.

    Args:
        setting: the setting that says which model server it uses.
        table: a table of TOML that the setting needs; may be empty.
    """
    return {
        ".codex/config.toml": f"""\
model = "gpt-5.5"
{setting}
check_for_update_on_startup = false

[analytics]
enabled = false
{table}"""
    }


def _codex(address: str) -> Mapping[str, str]:
    provider = f"""
[model_providers.scripted]
name = "scripted"
base_url = "{address}/v1"
wire_api = "responses"
env_key = "SCRIPTED_KEY"
"""
    return codex_files('model_provider = "scripted"', provider)


def _gemini(_: str) -> Mapping[str, str]:
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "general": {"enableAutoUpdate": False, "disableAutoUpdate": True},
    }
    return {".gemini/settings.json": json.dumps(settings, indent=2)}


def _opencode(address: str) -> Mapping[str, str]:
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "scripted",
        "options": {"baseURL": f"{address}/v1", "apiKey": _KEY},
        "models": {"scripted": {"name": "scripted"}},
    }
    settings = {
        "provider": {"scripted": provider},
        "model": "scripted/scripted",
        "small_model": "scripted/scripted",
        "autoupdate": False,
        "share": "disabled",
    }
    return {".config/opencode/opencode.json": json.dumps(settings, indent=2)}


PROGRAMS: Final = (
    HostProgram(
        "claude-code",
        "claude",
        "@anthropic-ai/claude-code",
        MESSAGES,
        ("-p", PROMPT, "--allowedTools", "mcp__backscroll"),
        lambda address: {
            "ANTHROPIC_BASE_URL": address,
            "ANTHROPIC_API_KEY": _KEY,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "DISABLE_TELEMETRY": "1",
            "ENABLE_TOOL_SEARCH": "true",
        },
        note=(
            "ENABLE_TOOL_SEARCH=true makes Claude Code defer tools, as it does with Anthropic's "
            "own address."
        ),
    ),
    HostProgram(
        "codex",
        "codex",
        "@openai/codex",
        RESPONSES,
        ("exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", PROMPT),
        lambda _: {"SCRIPTED_KEY": _KEY},
        _codex,
    ),
    HostProgram(
        "gemini",
        "gemini",
        "@google/gemini-cli",
        GEMINI,
        ("--prompt", PROMPT, "--yolo", "--model", "gemini-3.1-pro-preview"),
        lambda address: {
            "GEMINI_API_KEY": _KEY,
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
            "GEMINI_TELEMETRY_ENABLED": "false",
            "GOOGLE_GEMINI_BASE_URL": address,
        },
        _gemini,
    ),
    HostProgram(
        "opencode",
        "opencode",
        "opencode-ai",
        CHAT_COMPLETIONS,
        ("run", PROMPT),
        lambda _: {
            "OPENCODE_DISABLE_AUTOUPDATE": "true",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "true",
            "OPENCODE_DISABLE_MODELS_FETCH": "true",
        },
        _opencode,
    ),
    HostProgram(
        "copilot",
        "copilot",
        "@github/copilot",
        CHAT_COMPLETIONS,
        ("--prompt", PROMPT, "--allow-all-tools"),
        lambda address: {
            "COPILOT_AUTO_UPDATE": "false",
            "COPILOT_MODEL": "gpt-5.4",
            "COPILOT_OFFLINE": "true",
            "COPILOT_PROVIDER_API_KEY": _KEY,
            "COPILOT_PROVIDER_BASE_URL": f"{address}/v1",
        },
    ),
)

BY_NAME: Final = {each.name: each for each in PROGRAMS}

INSTALLED: Final = Path(__file__).parents[2] / ".cache" / "hosts" / "node_modules"
"""Where `make hosts` installs the hosts."""


def version(program: HostProgram, installed: Path = INSTALLED) -> str:
    """Return the installed version of a host, or an empty string if it is not installed."""
    path = installed / program.package / "package.json"
    if not (installed / ".bin" / program.program).exists():
        return ""
    return str(json.loads(path.read_text(encoding="utf-8"))["version"])
