"""`backscroll doctor` names a host whose entry lacks suitable settings, or whose skill is old."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from backscroll.cli import commands
from backscroll.commands.connect import change
from backscroll.commands.connect.entry import HostEntry, variables
from backscroll.commands.connect.hosts import BY_NAME
from backscroll.commands.connect.machine import Machine
from backscroll.commands.doctor.diagnosis import Check
from backscroll.commands.doctor.host_entries import check_hosts
from backscroll.mcp import skill_file

COMMAND = ("/opt/backscroll",)


def connected(name: str, machine: Machine, settings: dict[str, str]) -> Path:
    """Add an entry to a host's file, and return the file's path."""
    host, path = BY_NAME[name], BY_NAME[name].config(machine)
    change.connecting(host, path, HostEntry(COMMAND, settings)).apply()
    return path


def test_each_connected_host_is_checked(tmp_path: Path) -> None:
    machine = Machine("linux", {}, tmp_path)
    cursor = connected("cursor", machine, {})
    codex = connected("codex", machine, variables(BY_NAME["codex"].suited))
    opencode = connected("opencode", machine, {"BACKSCROLL_OUTPUT": "both"})
    (tmp_path / ".claude.json").write_text('{"mcpServers": {"backscroll": {"url": "https://a"}}}')
    (tmp_path / ".gemini").mkdir()
    (tmp_path / ".gemini" / "settings.json").write_text("{")

    checks = check_hosts(machine)

    assert checks == (
        Check("cursor", "ok", f"connected in {cursor}"),
        Check("codex", "ok", f"connected in {codex}"),
        Check(
            "opencode",
            "warning",
            "its entry lacks BACKSCROLL_RESULT_CHARS=30000; its model "
            + BY_NAME["opencode"].model_sees,
            next_step=(
                f"Add it to environment of the entry in {opencode}, or run backscroll connect "
                "opencode again with the options that you gave."
            ),
        ),
    )


def test_an_unchanged_skill_of_another_version_is_named(tmp_path: Path) -> None:
    older = skill_file.marked("Search first.\n", "0.0.9")
    for folder, text in {
        ".agents": older,
        ".claude": f"{older}Mine.\n",
        ".copilot": skill_file.text(),
    }.items():
        path = tmp_path / folder / "skills" / "backscroll" / "SKILL.md"
        path.parent.mkdir(parents=True)
        path.write_text(text, "utf-8")

    checks = check_hosts(Machine("linux", {}, tmp_path))

    assert checks == (
        Check(
            "codex",
            "warning",
            "its skill is the one of Backscroll 0.0.9: "
            f"{tmp_path}/.agents/skills/backscroll/SKILL.md",
            next_step="Run backscroll connect codex --skill.",
        ),
    )


def test_what_an_entry_lacks_is_shown_and_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")  # whichever system the tests run on
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BACKSCROLL_DATABASE", "sqlite://")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    connected("vscode", Machine("linux", {}, tmp_path), {})

    result = CliRunner().invoke(commands, ["doctor"])

    assert result.exit_code == 0
    shown = " ".join(result.stdout.partition("\nHosts\n")[2].split())
    assert shown.startswith(
        "WARN vscode its entry lacks BACKSCROLL_OUTPUT=text and BACKSCROLL_RESULT_CHARS=8000; "
    )
    assert "Next: Add them to env of the entry in " in shown
