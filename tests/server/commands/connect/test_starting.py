"""Before an entry is written, its server is started once, as the host would start it."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from backscroll.cli import commands
from backscroll.commands.connect.entry import HostEntry
from backscroll.commands.connect.machine import Machine
from backscroll.commands.connect.starting import Start
from backscroll.process.exits import CommandError

ANSWER = '{"jsonrpc": "2.0", "id": 1, "result": {}}'


def program(folder: Path, *lines: str) -> str:
    """Return the path of a shell script that stands in for the server."""
    path = folder / "backscroll"
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return str(path)


def start(folder: Path, entry: HostEntry, limit_s: float = 30.0) -> None:
    """Start an entry's server with some variables in the shell."""
    environ = {
        "PATH": os.defpath,
        "BACKSCROLL_UPSTREAM": "azure",
        "BACKSCROLL_API_KEY": "of the shell",
        "OPENAI_API_KEY": "of the shell",
    }
    Start(entry, Machine("linux", environ, folder), limit_s).check()


@pytest.mark.parametrize(
    ("entry", "variables"),
    [
        (
            HostEntry((), {"BACKSCROLL_UPSTREAM": "openai"}, needs_key=True),
            {"BACKSCROLL_UPSTREAM": "openai", "BACKSCROLL_API_KEY": "supplied-by-the-host"},
        ),
        (
            HostEntry((), {"BACKSCROLL_UPSTREAM": "openai"}, key="k", needs_key=True),
            {"BACKSCROLL_UPSTREAM": "openai", "BACKSCROLL_API_KEY": "k"},
        ),
    ],
)
def test_the_server_has_the_settings_of_the_entry_and_none_of_the_shell(
    entry: HostEntry, variables: dict[str, str], tmp_path: Path
) -> None:
    command = program(tmp_path, "cat > stdin", "env > variables", f"echo '{ANSWER}'")

    start(tmp_path, HostEntry((command,), entry.settings, entry.key, needs_key=True))

    lines = (tmp_path / "variables").read_text().splitlines()
    seen = dict(line.split("=", 1) for line in lines)
    assert {name: text for name, text in seen.items() if name.endswith(("KEY", "AM"))} == variables
    assert '"method": "initialize"' in (tmp_path / "stdin").read_text()


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (
            ("echo Loading >&2", "echo 'backscroll: BACKSCROLL_X is not a setting.' >&2", "exit 2"),
            "^the server does not start: BACKSCROLL_X is not a setting.$",
        ),
        (("echo Hello",), "^the server does not start$"),
    ],
)
def test_a_server_that_does_not_start_is_refused_with_its_own_reason(
    lines: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match=reason):
        start(tmp_path, HostEntry((program(tmp_path, *lines),), {}))


def test_a_server_that_does_not_answer_is_ended(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"took longer than 0.2 s$"):
        start(tmp_path, HostEntry((program(tmp_path, "exec sleep 60"),), {}), limit_s=0.2)


def test_a_command_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"/gone cannot be run: No such file or directory$"):
        start(tmp_path, HostEntry((str(tmp_path / "gone"),), {}))


@pytest.mark.parametrize(
    ("database", "works"), [("~/talks.db", True), ("talks.db", False), ("/dev/null/x.db", False)]
)
def test_what_works_is_written_and_what_does_not_is_not(
    database: str, works: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")  # whichever system the tests run on
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / ".cursor" / "mcp.json"

    result = CliRunner().invoke(
        commands, ["connect", "cursor", "--yes", "--database", database], prog_name="backscroll"
    )

    assert path.exists() is works, result.output
    assert result.exit_code == (0 if works else 2)
    assert ("The server was started once, and works.\n" in result.stdout) is works
    said = "backscroll: nothing was written, because the server cannot use its database: "
    assert result.stderr.startswith("" if works else said)
    assert not (tmp_path / "talks.db").exists()
