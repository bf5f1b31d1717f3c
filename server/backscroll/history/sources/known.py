"""Lists the programs whose sessions are found, and the folders of the sessions on each system."""

from pathlib import Path
from typing import Final

from backscroll.history.sources.source import Place, Source, Surroundings

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


_CHATS: Final = (
    "workspaceStorage/*/chatSessions",
    "globalStorage/emptyWindowChatSessions",
    "workspaceStorage/*/GitHub.copilot-chat/transcripts",
)

SOURCES: Final = (
    Source(
        "claude-code",
        (Place(_claude_code, ("*/*.jsonl", "*/*/subagents/agent-*.jsonl")),),
    ),
    Source(
        "codex",
        (
            Place(
                _codex,
                tuple(
                    f"{folder}/rollout-*.jsonl{compressed}"
                    for folder in ("sessions/*/*/*", "archived_sessions")
                    for compressed in ("", ".zst")
                ),
            ),
        ),
        twins=((".jsonl", ".jsonl.zst"),),
    ),
    Source(
        "gemini-cli",
        (
            Place(
                _gemini_cli,
                ("*/chats/session-*.json", "*/chats/session-*.jsonl", "*/chats/*/*.jsonl"),
            ),
        ),
        twins=((".jsonl", ".json"),),
    ),
    Source(
        "vscode-copilot",
        (
            Place(
                _vscode,
                tuple(f"{folder}/*.{suffix}" for folder in _CHATS for suffix in ("json", "jsonl")),
            ),
        ),
        twins=((".jsonl", ".json"),),
    ),
    Source(
        "cursor",
        (
            Place(_cursor, ("state.vscdb",), is_database=True),
            Place(
                _cursor_agent,
                (
                    "*/agent-transcripts/*.jsonl",
                    "*/agent-transcripts/*/*.jsonl",
                    "*/agent-transcripts/*/subagents/*.jsonl",
                ),
            ),
        ),
    ),
    Source("opencode", (Place(_opencode, ("opencode.db",), is_database=True),)),
    Source("llm", (Place(_llm, ("logs.db",), is_database=True),)),
)

BY_NAME: Final = {source.name: source for source in SOURCES}
