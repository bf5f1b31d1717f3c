"""`backscroll doctor` names the programs whose sessions are on this machine."""

from pathlib import Path

from backscroll.commands.doctor.diagnosis import Check
from backscroll.commands.doctor.session_check import check_sessions
from backscroll.history.sources.source import Surroundings
from backscroll.settings.model import Settings
from tests.history.sync.claude_logs import Home


def test_what_was_found_is_named_with_whether_it_is_kept_in_step(tmp_path: Path) -> None:
    Home(tmp_path).log().say("Fix it")
    rollout = tmp_path / ".codex/archived_sessions/rollout-1.jsonl"
    rollout.parent.mkdir(parents=True)
    rollout.touch()

    checks = check_sessions(
        Settings(sources=("claude-code", "llm")), Surroundings({}, tmp_path, "linux")
    )

    assert checks == (
        Check("claude-code", "ok", "sessions in 1 file, synced while a server runs"),
        Check(
            "codex",
            "ok",
            "sessions in 1 file, not synced by a server",
            next_step=(
                "backscroll sync imports what is new. "
                "With BACKSCROLL_SOURCES=claude-code,llm,codex, a server syncs them too."
            ),
        ),
        Check("llm", "unclear", "no sessions were found, although BACKSCROLL_SOURCES names it"),
    )
