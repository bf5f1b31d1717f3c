"""`backscroll connect HOST --skill`: where the skill is written, and which files stay."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from backscroll.cli import commands
from backscroll.mcp import skill_file

TEXT = skill_file.text()
OLDER = skill_file.marked("---\nname: backscroll\n---\n\nSearch first.\n", "0.0.9")
FOREIGN = "---\nname: backscroll\n---\n\nScroll back with the mouse.\n"
FOLDERS = {
    "claude-code": ".claude/skills",
    "vscode": ".copilot/skills",
    "cursor": ".cursor/skills",
    "copilot": ".copilot/skills",
    "codex": ".agents/skills",
    "gemini": ".gemini/skills",
    "opencode": ".config/opencode/skills",
}
MOVED = {
    "claude-code": ("CLAUDE_CONFIG_DIR", "skills"),
    "codex": ("CODEX_HOME", "../.agents/skills"),
    "copilot": ("COPILOT_HOME", "skills"),
    "gemini": ("GEMINI_CLI_HOME", ".gemini/skills"),
    "opencode": ("XDG_CONFIG_HOME", "opencode/skills"),
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home on Linux, in which no host has its own command."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setattr("sys.platform", "linux")  # whichever system the tests run on
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", "")
    for variable, _ in MOVED.values():
        monkeypatch.delenv(variable, raising=False)
    return home


def connect(*arguments: str, stdin: str = "") -> Result:
    """Type a command that does not start the server first, which takes a second."""
    typed = ["connect", *arguments, "--no-check"]
    return CliRunner().invoke(commands, typed, input=stdin, prog_name="backscroll")


def installed(home: Path, host: str, text: str) -> Path:
    """Write a host's file of the skill, and return its path."""
    path = home / FOLDERS[host] / "backscroll" / "SKILL.md"
    path.parent.mkdir(parents=True)
    path.write_text(text, "utf-8", newline="")
    return path


def files(home: Path) -> list[str]:
    """Return the paths of all files in a home."""
    return sorted(path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file())


@pytest.mark.parametrize(("host", "folder"), FOLDERS.items())
def test_the_skill_comes_and_goes_with_the_entry(host: str, folder: str, home: Path) -> None:
    path = home / folder / "backscroll" / "SKILL.md"

    added = connect(host, "--skill", "--yes")
    with_skill = files(home)
    again = connect(host, "--skill")
    removed = connect(host, "--remove", "--yes")

    assert (added.exit_code, again.exit_code, removed.exit_code) == (0, 0, 0)
    assert added.stdout.endswith(f"\nWrote {path}\n")
    assert len(with_skill) == 2
    assert path.relative_to(home).as_posix() in with_skill
    assert f" already has Backscroll: {home}" in again.stdout
    assert again.stdout.endswith(f" already has the skill: {path}\n")
    assert removed.stdout.endswith(f"\nRemoved {path}\n")
    assert files(home) == []
    assert not path.parent.exists()


def test_the_file_is_the_skill_and_its_folder_has_the_name_of_the_skill(home: Path) -> None:
    connect("codex", "--skill", "--yes")

    path = home / ".agents" / "skills" / "backscroll" / "SKILL.md"
    assert path.read_text("utf-8") == TEXT
    assert f"\nname: {path.parent.name}\n" in TEXT


@pytest.mark.parametrize("host", MOVED)
def test_a_variable_that_moves_a_hosts_folder_moves_its_skills_if_the_host_does_that(
    host: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable, folder = MOVED[host]
    monkeypatch.setenv(variable, str(home / "moved"))

    connect(host, "--skill", "--yes")

    assert (home / "moved" / folder / "backscroll" / "SKILL.md").read_text("utf-8") == TEXT


def test_without_the_option_no_skill_is_written(home: Path) -> None:
    connect("claude-code", "--yes")

    assert files(home) == [".claude.json"]


def test_the_skill_is_shown_and_asked_about_after_the_entry(home: Path) -> None:
    path = home / ".cursor" / "skills" / "backscroll" / "SKILL.md"

    declined = connect("cursor", "--skill", stdin="y\nn\n")

    assert declined.exit_code == 1
    assert "\n+name: backscroll\n" in declined.stdout
    assert f"\nWrite {path}? [y/N]: n\n" in declined.stdout
    assert files(home) == [".cursor/mcp.json"]

    agreed = connect("cursor", "--skill", stdin="y\n")

    assert agreed.exit_code == 0
    assert agreed.stdout.endswith(f"Write {path}? [y/N]: y\nWrote {path}\n")
    assert path.read_text("utf-8") == TEXT
    assert connect("cursor", "--remove", stdin="y\nn\n").exit_code == 1
    assert path.exists()


def test_without_an_answer_about_the_skill_the_entry_stays_and_the_file_is_named(
    home: Path,
) -> None:
    result = connect("cursor", "--skill", stdin="y\n")

    path = home / ".cursor" / "skills" / "backscroll" / "SKILL.md"
    assert (result.exit_code, result.stderr) == (
        2,
        f"backscroll: {path} was not changed: add --yes to agree without being asked\n",
    )
    assert files(home) == [".cursor/mcp.json"]


def test_a_file_of_another_program_is_kept_beside_the_skill_and_restored(home: Path) -> None:
    path = installed(home, "claude-code", FOREIGN)
    backup = path.with_name("SKILL.md.before-backscroll")

    added = connect("claude-code", "--skill", "--yes")

    assert (
        f"{path} was changed, or another program wrote it. It will be replaced, and kept as "
        "SKILL.md.before-backscroll.\n"
    ) in added.stdout
    assert (path.read_text("utf-8"), backup.read_text("utf-8")) == (TEXT, FOREIGN)

    connect("claude-code", "--remove", "--yes")

    assert path.read_text("utf-8") == FOREIGN
    assert not backup.exists()


@pytest.mark.parametrize(
    "text", [TEXT + "\nMine.\n", TEXT.replace("\n", "\r\n"), FOREIGN], ids=["added", "CRLF", "else"]
)
def test_a_skill_that_was_changed_is_not_removed(text: str, home: Path) -> None:
    path = installed(home, "gemini", text)

    result = connect("gemini", "--remove", "--yes")

    assert result.exit_code == 0
    assert result.stdout == (
        f"Gemini CLI does not have Backscroll: {home}/.gemini/settings.json\n"
        f"{path} stays: it was changed, or another program wrote it.\n"
    )
    assert path.read_bytes().decode() == text


def test_an_unchanged_skill_of_another_version_is_updated_without_a_copy(home: Path) -> None:
    path = installed(home, "opencode", OLDER)

    result = connect("opencode", "--skill", "--yes")

    assert "before-backscroll" not in result.stdout
    assert "\n-Search first.\n" in result.stdout
    assert path.read_text("utf-8") == TEXT
    assert [each.name for each in path.parent.iterdir()] == ["SKILL.md"]


def test_an_unchanged_skill_of_another_version_is_removed(home: Path) -> None:
    path = installed(home, "vscode", OLDER)
    (path.parent / "notes.txt").touch()

    connect("vscode", "--remove", "--yes")

    assert [each.name for each in path.parent.iterdir()] == ["notes.txt"]


def test_print_prints_the_skill_alone_and_where_it_belongs(home: Path) -> None:
    result = connect("codex", "--skill", "--print")

    assert (result.exit_code, result.stdout) == (0, TEXT)
    assert result.stderr == (f"The file belongs at {home}/.agents/skills/backscroll/SKILL.md\n")
    assert files(home) == []


@pytest.mark.parametrize(("host", "title"), [("claude", "Claude Desktop"), ("chatgpt", "ChatGPT")])
@pytest.mark.parametrize("option", ["--yes", "--print"])
def test_a_host_without_skills_is_told_which_hosts_have_them(
    host: str, title: str, option: str, home: Path
) -> None:
    result = connect(host, "--skill", option)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"backscroll: {title} has no folder for skills. Hosts that have such a folder: "
        "claude-code, vscode, cursor, codex, gemini, opencode, copilot\n"
    )
    assert files(home) == []


def test_a_projects_file_leaves_the_users_skill_alone(home: Path) -> None:
    path = installed(home, "cursor", TEXT)
    project = home / "work" / ".cursor" / "mcp.json"

    refused = connect("cursor", "--skill", "--yes", "--file", str(project))

    assert (refused.exit_code, refused.stderr) == (
        2,
        f"backscroll: --skill writes {path}: use it without --file\n",
    )
    assert not project.exists()

    connect("cursor", "--yes", "--file", str(project))
    connect("cursor", "--remove", "--yes", "--file", str(project))

    assert path.read_text("utf-8") == TEXT


def test_what_cannot_be_read_is_one_line_and_changes_nothing(home: Path) -> None:
    path = home / FOLDERS["codex"] / "backscroll" / "SKILL.md"
    path.mkdir(parents=True)

    result = connect("codex", "--skill", "--yes")

    assert result.exit_code == 2
    assert result.stderr == f"backscroll: {path}: Is a directory\n"
    assert files(home) == []
