"""Every program whose sessions are found, and where it keeps them on each system."""

from pathlib import Path
from typing import Final

from backscroll.history.sources.source import Source, Surroundings

_EDITORS: Final = ("Code", "Code - Insiders", "VSCodium")


def _claude_code(machine: Surroundings) -> tuple[Path, ...]:
    return (machine.folder("CLAUDE_CONFIG_DIR", ".claude") / "projects",)


def _codex(machine: Surroundings) -> tuple[Path, ...]:
    return (machine.folder("CODEX_HOME", ".codex"),)


def _gemini_cli(machine: Surroundings) -> tuple[Path, ...]:
    return (machine.home / ".gemini" / "tmp",)


def _vscode(machine: Surroundings) -> tuple[Path, ...]:
    return tuple(machine.settings / editor / "User" for editor in _EDITORS)


def _cursor(machine: Surroundings) -> tuple[Path, ...]:
    return (machine.settings / "Cursor" / "User" / "globalStorage",)


def _cursor_agent(machine: Surroundings) -> tuple[Path, ...]:
    return (machine.home / ".cursor" / "projects",)


def _opencode(machine: Surroundings) -> tuple[Path, ...]:
    # OpenCode follows the XDG rules on every system.
    return (machine.folder("XDG_DATA_HOME", ".local/share") / "opencode",)


def _llm(machine: Surroundings) -> tuple[Path, ...]:
    # The default is that of click's `get_app_dir`.
    return (machine.folder("LLM_USER_PATH", machine.settings / "io.datasette.llm"),)


SOURCES: Final = (
    Source(
        "claude-code",
        "Claude Code",
        _claude_code,
        ("*/*.jsonl", "*/*/subagents/agent-*.jsonl"),
    ),
    Source(
        "codex",
        "Codex",
        _codex,
        (
            "sessions/*/*/*/rollout-*.jsonl",
            "sessions/*/*/*/rollout-*.jsonl.zst",
            "archived_sessions/rollout-*.jsonl",
            "archived_sessions/rollout-*.jsonl.zst",
        ),
        twins=((".jsonl", ".jsonl.zst"),),
    ),
    Source(
        "gemini-cli",
        "Gemini CLI",
        _gemini_cli,
        ("*/chats/session-*.json", "*/chats/session-*.jsonl", "*/chats/*/*.jsonl"),
        twins=((".jsonl", ".json"),),
    ),
    Source(
        "vscode-copilot",
        "Copilot in VS Code",
        _vscode,
        tuple(
            f"{folder}/*.{suffix}"
            for folder in (
                "workspaceStorage/*/chatSessions",
                "globalStorage/emptyWindowChatSessions",
            )
            for suffix in ("json", "jsonl")
        ),
        twins=((".jsonl", ".json"),),
    ),
    Source("cursor", "Cursor", _cursor, ("state.vscdb",), is_database=True),
    Source(
        "cursor-agent",
        "Cursor's agents",
        _cursor_agent,
        ("*/agent-transcripts/*.jsonl", "*/agent-transcripts/*/*.jsonl"),
    ),
    Source("opencode", "OpenCode", _opencode, ("opencode.db",), is_database=True),
    Source("llm", "llm", _llm, ("logs.db",), is_database=True),
)

BY_NAME: Final = {source.name: source for source in SOURCES}
