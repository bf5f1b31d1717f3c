"""The command line: its help, its settings, and how it refuses what it cannot use."""

import dataclasses
from pathlib import Path

import pytest

from backscroll.settings.model import Settings
from tests.server.command_line import backscroll

COMMANDS = (
    "call",
    "connect",
    "demo",
    "doctor",
    "export",
    "forget",
    "import",
    "maintain",
    "search",
    "serve",
    "store",
    "sync",
    "token",
    "view",
)
DATABASE_RULE = "BACKSCROLL_DATABASE must be sqlite:///relative.db, sqlite:////absolute/path.db or postgresql://"


def test_the_version_is_said() -> None:
    result = backscroll("", "--version")

    assert (result.exit_code, result.stdout) == (0, "backscroll 0.1.0\n")


def test_help_lists_every_command_with_an_example_of_use() -> None:
    result = backscroll("", "--help")

    listed = result.stdout.partition("Commands:\n")[2].split("\n\n")[0]
    assert result.exit_code == 0
    assert tuple(line.split()[0] for line in listed.splitlines()) == COMMANDS
    assert "backscroll import conversations.jsonl\n" in result.stdout


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"demo"}))
def test_help_of_a_command_shows_how_it_is_typed(command: str) -> None:
    result = backscroll("", command, "--help")

    assert result.exit_code == 0
    assert (
        f"\n  backscroll {command}" in result.stdout or f"| backscroll {command}" in result.stdout
    )


def test_serve_has_an_option_for_every_setting_but_keys_and_those_of_the_recorder() -> None:
    shown = backscroll("", "serve", "--help").stdout

    settings = {
        field.name
        for field in dataclasses.fields(Settings)
        if not field.metadata.keys() & {"secret", "recorder"}
    }
    assert {name for name in settings if f"BACKSCROLL_{name.upper()}]" in shown} == settings
    assert {name for name in settings if f"--{name.replace('_', '-')}" in shown} == settings


def test_store_has_an_option_for_each_setting_of_the_recorder_but_the_key() -> None:
    shown = " ".join(backscroll("", "store", "--help").stdout.split())

    assert "--forward TEXT The base URL of the model server that" in shown
    assert "--record api|all|none|best-effort Which answers are recorded" in shown
    assert "--state store|upstream Who keeps responses" in shown
    for name in ("MODEL_URL", "RECORD", "MODEL_STATE"):
        assert f"BACKSCROLL_{name}]" in shown
    assert "MODEL_KEY" not in shown


def test_the_help_of_an_option_gives_rule_default_and_variable() -> None:
    shown = " ".join(backscroll("", "serve", "--help").stdout.split())

    assert (
        "--result-chars N The maximum length of a result in characters, text and structured "
        "content together. [2000-200000; default: 32000; BACKSCROLL_RESULT_CHARS]"
    ) in shown


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ("call", "--result-chars", "5"),
            "--result-chars must be a whole number from 2000 to 200000, not '5'.",
        ),
        (("serve", "--output", "all"), "--output must be both or text or structured, not 'all'."),
        (("import", "x", "--database", "mysql://x"), f"{DATABASE_RULE}"),
    ],
)
def test_a_bad_flag_is_refused_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], line: str
) -> None:
    result = backscroll(f"sqlite:///{tmp_path / 'x.db'}", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"backscroll: {line}")
    assert result.stderr.count("\n") == 1


def test_a_flag_wins_over_the_environment(tmp_path: Path) -> None:
    good, bad = f"sqlite:///{tmp_path / 'x.db'}", f"sqlite:///{tmp_path}"

    assert backscroll(bad, "call", "list-threads", "--database", good).exit_code == 0
    assert backscroll(good, "call", "list-threads", "--database", bad).exit_code == 2


@pytest.mark.parametrize(
    ("flag", "value"), [("--port", "8001"), ("--host", "localhost"), ("--http-auth", "token")]
)
def test_an_option_for_http_is_refused_over_stdio(flag: str, value: str, tmp_path: Path) -> None:
    result = backscroll(f"sqlite:///{tmp_path / 'x.db'}", "serve", flag, value)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith(f"Error: {flag} has no effect over stdio: add --transport http\n")


@pytest.mark.parametrize("arguments", [("call", "list-threads"), ("export",), ("store",)])
def test_a_database_that_cannot_be_used_is_refused_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    result = backscroll(f"sqlite:///{tmp_path}", *arguments)

    assert (result.exit_code, result.stdout, result.stderr) == (
        2,
        "",
        f"backscroll: {tmp_path} is a directory: BACKSCROLL_DATABASE must name a file\n",
    )


def test_a_setting_that_is_not_known_is_refused_in_one_line() -> None:
    result = backscroll("", "call", environ={"BACKSCROLL_DATABSE": "x"})

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(
        "backscroll: BACKSCROLL_DATABSE is not a setting. The settings are: "
    )
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])  # noqa: S104 - to be refused
def test_the_store_is_served_to_this_machine_alone(host: str) -> None:
    result = backscroll("", "store", "--host", host)

    assert (result.exit_code, result.stdout, result.stderr) == (
        2,
        "",
        (
            f"backscroll: --host {host} would let other machines connect, and the store has no "
            "authentication: use 127.0.0.1, ::1 or localhost\n"
        ),
    )
