"""`backscroll connect` with a host's own command: shown, run, checked; else the file is edited."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from backscroll.cli import commands
from backscroll.commands.connect.entry import HostEntry
from backscroll.commands.connect.hosts import BY_NAME
from backscroll.commands.connect.machine import Machine
from backscroll.commands.connect.running import Run, adding, removing
from backscroll.process.exits import CommandError
from tests.pace import limit_s
from tests.server.commands.connect import standins
from tests.server.commands.connect.homes import FILES, lived_in

MOVED = ("XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME")
PROGRAMS = {"claude-code": "claude", "codex": "codex", "gemini": "gemini", "vscode": "code"}
REMOVES = {
    "claude-code": ["claude", "mcp", "remove", "--scope", "user", "backscroll"],
    "codex": ["codex", "mcp", "remove", "backscroll"],
    "gemini": ["gemini", "mcp", "remove", "--scope", "user", "backscroll"],
}
SECRET = "sk-not-to-be-seen"
REAL = Path(__file__).parents[4] / ".cache" / "hosts" / "node_modules" / ".bin"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home on Linux with nothing in it but the hosts' commands, in `bin`."""
    standins.install(tmp_path / "bin", *standins.COMMANDS)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for variable in (*MOVED, "BACKSCROLL_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def connect(*arguments: str, stdin: str = "") -> Result:
    """Type a command that does not start the server first, which takes a second."""
    return CliRunner().invoke(
        commands,
        ["connect", *arguments, "--no-check"],
        input=stdin,
        prog_name="backscroll",
    )


def config(name: str, home: Path) -> Path:
    return BY_NAME[name].config(Machine("linux", {}, home))


def servers(name: str, home: Path) -> object:
    text = config(name, home).read_text()
    data = tomllib.loads(text) if name == "codex" else json.loads(text)
    return data[BY_NAME[name].servers]


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_hosts_command_is_shown_and_run_after_a_yes(name: str, home: Path) -> None:
    declined = connect(name, "--read-only", stdin="n\n")
    calls_before = standins.calls(home / "bin")
    accepted = connect(name, "--read-only", stdin="y\n")
    again = connect(name, "--read-only")

    assert (declined.exit_code, calls_before) == (1, [])
    assert accepted.exit_code == 0
    assert f"has its own command for this:\n\n  {PROGRAMS[name]} " in accepted.stdout
    assert "Run it? [y/N]: y\n" in accepted.stdout
    assert f"Written to {config(name, home)}\n" in accepted.stdout
    assert [call[0] for call in standins.calls(home / "bin")] == [PROGRAMS[name]]
    assert again.stdout == f"{BY_NAME[name].title} already has Backscroll: {config(name, home)}\n"


@pytest.mark.parametrize("name", REMOVES)
def test_an_entry_is_replaced_and_removed_by_the_hosts_command(name: str, home: Path) -> None:
    connect(name, "--yes")
    replaced = connect(name, "--read-only", "--yes")
    suited = {f"BACKSCROLL_{each.upper()}": text for each, text in BY_NAME[name].suited.items()}
    env = {"BACKSCROLL_READ_ONLY": "true"} | suited
    held = servers(name, home)
    removed = connect(name, "--remove", "--yes")

    assert [result.exit_code for result in (replaced, removed)] == [0, 0]
    assert isinstance(held, dict)
    assert held["backscroll"]["env"] == env
    assert standins.calls(home / "bin")[-1] == REMOVES[name]
    assert f"Removed from {config(name, home)}\n" in removed.stdout
    assert connect(name, "--remove").stdout == (
        f"{BY_NAME[name].title} does not have Backscroll: {config(name, home)}\n"
    )


def test_what_the_hosts_command_cannot_remove_is_edited_out(home: Path) -> None:
    connect("vscode", "--upstream", "openai", "--yes")
    written = json.loads(config("vscode", home).read_text())

    result = connect("vscode", "--remove", "--yes")

    assert written["inputs"][0]["id"] == "backscroll-api-key"
    assert written["servers"]["backscroll"]["env"]["BACKSCROLL_API_KEY"] == (
        "${input:backscroll-api-key}"
    )
    assert result.stdout.startswith("Editing the file, because code cannot remove a server.\n---")
    assert "backscroll" not in config("vscode", home).read_text()


@pytest.mark.parametrize(
    ("name", "server"),
    [
        (
            "claude-code",
            {
                "type": "stdio",
                "command": "/opt/python",
                "args": ["-m", "backscroll"],
                "env": {
                    "BACKSCROLL_UPSTREAM": "openai",
                    "BACKSCROLL_API_KEY": "${BACKSCROLL_API_KEY}",
                },
            },
        ),
        (
            "gemini",
            {
                "command": "/opt/python",
                "args": ["-m", "backscroll"],
                "env": {
                    "BACKSCROLL_UPSTREAM": "openai",
                    "BACKSCROLL_API_KEY": "$BACKSCROLL_API_KEY",
                },
            },
        ),
    ],
)
def test_a_key_is_referred_to_and_no_key_reaches_the_hosts_command(
    name: str, server: object, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKSCROLL_API_KEY", SECRET)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    machine = Machine("linux", os.environ, home)
    command = ("/opt/python", "-m", "backscroll")
    entry = HostEntry(command, {"BACKSCROLL_UPSTREAM": "openai"}, needs_key=True)

    run = adding(BY_NAME[name], machine, config(name, home), entry)
    assert isinstance(run, Run)
    run.execute()

    assert servers(name, home) == {"backscroll": server}
    assert SECRET not in (home / "bin" / "calls.jsonl").read_text()
    assert not {"BACKSCROLL_API_KEY", "OPENAI_API_KEY"} & standins.variables(home / "bin")


@pytest.mark.parametrize(
    ("name", "arguments", "raw", "reason"),
    [
        (
            "claude-code",
            ("--upstream", "openai", "--write-key"),
            b"{}",
            "claude would show the secret in the list of processes",
        ),
        (
            "codex",
            ("--database", f"postgresql://ada:{SECRET}@db.example/talks", "--write-key"),
            b"",
            "codex would show the secret in the list of processes",
        ),
        (
            "codex",
            ("--upstream", "openai"),
            FILES["codex"],
            "codex cannot set which variables to pass to the server",
        ),
        (
            "gemini",
            (),
            b'{"mcpServers": {"docs": {"command": "x", "env": {"DOCS_KEY": "$DOCS_KEY"}}}}',
            "gemini would replace variables in its file with their values",
        ),
        (
            "gemini",
            ("--database", "postgresql://db.example/talks?sslmode=require"),
            b"{}",
            "gemini would truncate a setting that contains =",
        ),
        ("vscode", (), FILES["vscode"], "code would drop the comments in its file"),
    ],
)
def test_what_the_hosts_command_cannot_do_well_is_edited_and_brought_back_to_the_byte(  # noqa: PLR0917 - a table's columns
    name: str,
    arguments: tuple[str, ...],
    raw: bytes,
    reason: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BACKSCROLL_API_KEY", SECRET)
    monkeypatch.setenv("DOCS_KEY", SECRET)
    path = lived_in(name, Machine("linux", {}, home), raw)

    added = connect(name, *arguments, "--yes")
    written = path.read_bytes()
    removed = connect(name, "--remove", "--yes")

    assert (added.exit_code, removed.exit_code) == (0, 0)
    assert added.stdout.startswith(f"Editing the file, because {reason}.\n---")
    assert written != raw
    assert path.read_bytes() == raw
    assert standins.calls(home / "bin") == []
    assert SECRET not in added.output


def test_a_named_file_is_edited(home: Path) -> None:
    path = home / "project.json"

    result = connect("claude-code", "--file", str(path), "--yes")

    assert result.stdout.startswith("--- (no file)\n")
    assert standins.calls(home / "bin") == []
    assert "backscroll" in path.read_text()


def test_a_link_is_edited_and_stays_one(home: Path) -> None:
    path, kept = config("claude-code", home), home / "dotfiles.json"
    kept.write_text("{}")
    path.symlink_to(kept)

    result = connect("claude-code", "--yes")

    assert (
        f"Editing the file, because {path} is a symbolic link, which claude might replace.\n"
        in result.stdout
    )
    assert path.is_symlink()


def test_a_command_that_is_not_installed_is_named(home: Path) -> None:
    (home / "bin" / "codex").unlink()

    result = connect("codex", "--yes")

    assert result.stdout.startswith("Editing the file, because codex is not on PATH.\n---")


def test_a_batch_file_is_not_given_json(tmp_path: Path) -> None:
    program = tmp_path / "code.cmd"

    class Windows(Machine, frozen=True):
        """Looks programs up as Windows does."""

        def program(self, name: str) -> str:
            return f"{tmp_path / name}.CMD"

    run = adding(
        BY_NAME["vscode"], Windows("win32", {}, tmp_path), program, HostEntry(("backscroll",), {})
    )

    assert run == "code is a batch file, which would change quotes in its arguments"


@pytest.mark.parametrize("how", ["afterwards", "silently"])
@pytest.mark.parametrize("name", REMOVES)
def test_a_command_that_fails_leaves_the_servers_and_the_file_can_be_edited(
    name: str, how: str, home: Path
) -> None:
    path = lived_in(name, Machine("linux", {}, home), FILES[name])
    (home / "bin" / "failing").write_text(how)

    declined = connect(name, stdin="y\nn\n")
    kept = path.read_bytes()
    accepted = connect(name, stdin="y\ny\n")

    (line,) = declined.stderr.splitlines()[:1]
    assert declined.exit_code == 1
    assert line.startswith(f"backscroll: {PROGRAMS[name]} ")
    assert ("failed (exit code 52): Error in settings" in line) is (how == "afterwards")
    assert (f"did not write the expected entry to {path}" in line) is (how == "silently")
    assert "Editing the file instead:\n---" in declined.stdout
    assert kept == FILES[name]
    assert accepted.exit_code == 0
    assert b"backscroll" in path.read_bytes()
    assert connect(name, "--remove", "--yes").exit_code == 0
    assert path.read_bytes() == FILES[name]


def test_a_command_that_does_not_end_is_ended(home: Path) -> None:
    slow = home / "bin" / "codex"
    slow.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    host, machine = BY_NAME["codex"], Machine("linux", os.environ, home)
    run = adding(host, machine, config("codex", home), HostEntry(("backscroll",), {}))
    assert isinstance(run, Run)

    with pytest.raises(CommandError, match=r"^codex mcp add took longer than 0.1 s$"):
        run.execute(limit_s=0.1)


def test_a_broken_file_never_reaches_the_hosts_command(home: Path) -> None:
    path = lived_in("claude-code", Machine("linux", {}, home), b'{"numStartups": 184,')

    result = connect("claude-code", "--yes")

    assert result.exit_code == 2
    assert result.stderr.endswith("fix the file, or use --print\n")
    assert path.read_bytes() == b'{"numStartups": 184,'
    assert standins.calls(home / "bin") == []


@pytest.mark.parametrize("name", REMOVES)
def test_the_real_commands_do_the_same(name: str, tmp_path: Path) -> None:
    if not (REAL / PROGRAMS[name]).exists():
        pytest.skip("the hosts are not installed in .cache/hosts")
    home = tmp_path / "home"
    path = lived_in(name, Machine("linux", {}, home), FILES[name])
    machine = Machine("linux", {"HOME": str(home), "PATH": f"{REAL}:{os.defpath}"}, home)
    entry = HostEntry(("/opt/python", "-m", "backscroll"), {"BACKSCROLL_READ_ONLY": "true"})
    host = BY_NAME[name]

    for made in (HostEntry(("/opt/backscroll",), {}), entry):
        run = adding(host, machine, path, made)
        assert isinstance(run, Run)
        run.execute()
    assert b"BACKSCROLL_READ_ONLY" in path.read_bytes()
    gone = removing(host, machine, path)
    assert isinstance(gone, Run)
    gone.execute()

    assert b"BACKSCROLL_READ_ONLY" not in path.read_bytes()


@pytest.mark.timeout(limit_s(180))
@pytest.mark.parametrize(
    ("name", "program", "said"),
    [
        ("claude-code", "claude", "✔ Connected"),
        ("codex", "codex", "enabled"),  # it starts a server only for a conversation
        ("gemini", "gemini", "Connected"),
        ("opencode", "opencode", "connected"),
    ],
)
def test_a_real_host_says_that_it_is_connected(
    name: str, program: str, said: str, tmp_path: Path
) -> None:
    if not (REAL / program).exists():
        pytest.skip("the hosts are not installed in .cache/hosts")
    environ = {
        "HOME": str(tmp_path),
        "PATH": f"{REAL}{os.pathsep}{os.environ['PATH']}",
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
    }

    def run(*command: str) -> str:
        return subprocess.run(
            command,
            cwd=tmp_path,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=True,
            encoding="utf-8",
            timeout=limit_s(80),
        ).stdout

    run(sys.executable, "-m", "backscroll", "connect", name, "--yes")

    shown = run(str(REAL / program), "mcp", "list")
    (line,) = (line for line in shown.splitlines() if "backscroll" in line and said in line)
    assert line
