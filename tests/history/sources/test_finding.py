"""The files of each program are found where it keeps them, on each system."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from backscroll.history.sources.finding import found
from backscroll.history.sources.source import Surroundings

SESSION = "2f1c.jsonl"


def machine(
    home: Path, platform: str = "linux", environment: Mapping[str, str] | None = None
) -> Surroundings:
    return Surroundings(environment or {}, home, platform)


def write(home: Path, *paths: str) -> None:
    for number, path in enumerate(paths, 1):
        file = home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * number)
        os.utime(file, (number, number))


def names(where: Surroundings) -> dict[str, list[str]]:
    """Return the paths of each source's files, relative to the home folder."""
    return {
        each.source.name: [file.path.relative_to(where.home).as_posix() for file in each.files]
        for each in found(where)
    }


EVERYWHERE = (
    ("claude-code", f".claude/projects/-w-site/{SESSION}"),
    ("claude-code", ".claude/projects/-w-site/2f1c/subagents/agent-1.jsonl"),
    ("codex", ".codex/sessions/2026/07/17/rollout-1.jsonl"),
    ("codex", ".codex/archived_sessions/rollout-2.jsonl.zst"),
    ("gemini-cli", ".gemini/tmp/ab12/chats/session-1.json"),
    ("gemini-cli", ".gemini/tmp/ab12/chats/session-2.jsonl"),
    ("gemini-cli", ".gemini/tmp/ab12/chats/2/agent.jsonl"),
    ("cursor", f".cursor/projects/w/agent-transcripts/{SESSION}"),
    ("cursor", f".cursor/projects/w/agent-transcripts/2f1c/{SESSION}"),
    ("opencode", ".local/share/opencode/opencode.db"),
)

BY_SYSTEM = {
    "linux": ".config",
    "darwin": "Library/Application Support",
    "win32": "AppData/Roaming",
}

BELOW_SETTINGS = (
    ("vscode-copilot", "Code/User/workspaceStorage/ab/chatSessions/1.json"),
    ("vscode-copilot", "Code/User/globalStorage/emptyWindowChatSessions/2.jsonl"),
    ("vscode-copilot", "VSCodium/User/workspaceStorage/ab/chatSessions/3.jsonl"),
    (
        "vscode-copilot",
        "Code/User/workspaceStorage/ab/GitHub.copilot-chat/transcripts/4.jsonl",
    ),
    ("cursor", "Cursor/User/globalStorage/state.vscdb"),
    ("llm", "io.datasette.llm/logs.db"),
)


@pytest.mark.parametrize("platform", BY_SYSTEM)
def test_each_source_is_found_where_its_program_keeps_it(tmp_path: Path, platform: str) -> None:
    below = [(name, f"{BY_SYSTEM[platform]}/{path}") for name, path in BELOW_SETTINGS]
    expected: dict[str, list[str]] = {}
    for name, path in (*EVERYWHERE, *below):
        expected.setdefault(name, []).insert(0, path)  # the latest modified first
    write(tmp_path, *(path for _, path in (*EVERYWHERE, *below)))

    assert names(machine(tmp_path, platform)) == expected


@pytest.mark.parametrize(
    ("variable", "path", "name"),
    [
        ("CLAUDE_CONFIG_DIR", f"moved/projects/-w/{SESSION}", "claude-code"),
        ("CODEX_HOME", "moved/sessions/2026/01/02/rollout-1.jsonl", "codex"),
        ("XDG_DATA_HOME", "moved/opencode/opencode.db", "opencode"),
        ("XDG_CONFIG_HOME", "moved/Cursor/User/globalStorage/state.vscdb", "cursor"),
        ("LLM_USER_PATH", "moved/logs.db", "llm"),
    ],
)
@pytest.mark.parametrize("value", ["{home}/moved", "~/moved"])
def test_a_variable_moves_a_source(
    tmp_path: Path, variable: str, path: str, name: str, value: str
) -> None:
    write(tmp_path, path)
    environment = {variable: value.format(home=tmp_path)}

    assert names(machine(tmp_path, environment=environment)) == {name: [path]}


def test_windows_programs_follow_appdata(tmp_path: Path) -> None:
    write(tmp_path, "roaming/Code/User/workspaceStorage/1/chatSessions/1.json")

    assert names(machine(tmp_path, "win32", {"APPDATA": f"{tmp_path}/roaming"})) == {
        "vscode-copilot": ["roaming/Code/User/workspaceStorage/1/chatSessions/1.json"]
    }


def test_a_home_without_any_program_has_no_source(tmp_path: Path) -> None:
    assert found(machine(tmp_path / "missing")) == []


def test_a_file_that_repeats_another_is_left_out(tmp_path: Path) -> None:
    write(
        tmp_path,
        ".codex/archived_sessions/rollout-1.jsonl",
        ".codex/archived_sessions/rollout-1.jsonl.zst",
        ".gemini/tmp/ab/chats/session-1.json",
        ".gemini/tmp/ab/chats/session-1.jsonl",
    )

    assert names(machine(tmp_path)) == {
        "codex": [".codex/archived_sessions/rollout-1.jsonl"],
        "gemini-cli": [".gemini/tmp/ab/chats/session-1.jsonl"],
    }


def test_a_database_changes_with_its_log(tmp_path: Path) -> None:
    write(tmp_path, ".local/share/opencode/opencode.db", ".local/share/opencode/opencode.db-wal")

    [(file,)] = [each.files for each in found(machine(tmp_path))]

    assert (file.size, file.mtime_ns) == (3, 2_000_000_000)


def test_links_that_form_a_circle_end(tmp_path: Path) -> None:
    write(tmp_path, f".claude/projects/-w/{SESSION}")
    (tmp_path / ".claude/projects/-w/loop").symlink_to(tmp_path / ".claude/projects")
    (tmp_path / ".claude/projects/-w/self.jsonl").symlink_to("self.jsonl")

    assert names(machine(tmp_path)) == {"claude-code": [f".claude/projects/-w/{SESSION}"]}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    write(tmp_path, f".claude/projects/-w/{SESSION}", f".claude/projects/-x/{SESSION}")
    hidden = tmp_path / ".claude/projects/-x"
    hidden.chmod(0)
    try:
        [source] = found(machine(tmp_path))
    finally:
        hidden.chmod(0o700)

    assert [file.path for file in source.files] == [tmp_path / f".claude/projects/-w/{SESSION}"]
    assert source.unreadable == [hidden]
