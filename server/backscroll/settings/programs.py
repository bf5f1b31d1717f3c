"""The programs whose sessions can be synced. `backscroll.history.sources` finds the sessions."""

from typing import Final

SOURCES: Final = (
    "claude-code",
    "codex",
    "gemini-cli",
    "vscode-copilot",
    "cursor",
    "opencode",
    "llm",
)


def flaw_of_sources(sources: tuple[str, ...], upstream: str) -> str:
    """Return why these sources cannot be synced; empty if they can be."""
    if not sources or upstream == "store":
        return ""
    return f"needs the embedded store, but BACKSCROLL_UPSTREAM is {upstream}"
