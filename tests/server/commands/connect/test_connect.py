"""`backscroll connect` as it is typed: what it shows, asks, writes, and leaves alone."""

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from backscroll.cli import commands
from backscroll.commands.connect.hosts import BY_NAME
from tests.server.commands.connect.homes import FILES

MOVED = ("XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME")
SECRET = "sk-not-to-be-seen"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home on Linux in which Cursor and Codex are used."""
    monkeypatch.setattr("sys.platform", "linux")  # whichever system the tests run on
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    for variable in (*MOVED, "BACKSCROLL_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    for name, path in (("cursor", ".cursor/mcp.json"), ("codex", ".codex/config.toml")):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_bytes(FILES[name])
    return tmp_path


def connect(*arguments: str, stdin: str = "") -> Result:
    """Type a command that does not start the server first, which takes a second."""
    return CliRunner().invoke(
        commands,
        ["connect", *arguments, "--no-check"],
        input=stdin,
        prog_name="backscroll",
    )


def test_alone_it_lists_the_hosts_and_what_is_with_them(home: Path) -> None:
    connect("codex", "--yes")
    (home / ".gemini").mkdir()
    (home / ".gemini" / "settings.json").write_text("{")

    result = connect()

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "claude       Claude Desktop  not found",
        "claude-code  Claude Code     not found",
        "vscode       VS Code         not found",
        f"cursor       Cursor          installed      {home}/.cursor/mcp.json",
        f"codex        Codex           connected      {home}/.codex/config.toml",
        f"gemini       Gemini CLI      unreadable     {home}/.gemini/settings.json",
        "opencode     opencode        not found",
        "copilot      Copilot CLI     not found",
        "chatgpt      ChatGPT         needs a URL: run backscroll connect chatgpt",
    ]


def test_the_change_is_shown_and_made_after_a_yes(home: Path) -> None:
    path = home / ".cursor" / "mcp.json"

    result = connect("cursor", "--read-only", stdin="y\n")

    assert result.exit_code == 0
    assert '+        "backscroll": {\n' in result.stdout
    assert '+                "BACKSCROLL_READ_ONLY": "true"\n' in result.stdout
    assert f"Write {path}? [y/N]: y\nWrote {path}\n" in result.stdout
    assert b'"linear"' in path.read_bytes()
    assert path.with_name("mcp.json.before-backscroll").read_bytes() == FILES["cursor"]
    assert connect("cursor", "--read-only").stdout == f"Cursor already has Backscroll: {path}\n"

    assert connect("cursor", "--remove", "--yes").exit_code == 0
    assert path.read_bytes() == FILES["cursor"]
    assert connect("cursor", "--remove").stdout == f"Cursor does not have Backscroll: {path}\n"


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_without_a_yes_nothing_is_written(home: Path, answer: str) -> None:
    result = connect("codex", stdin=answer)

    assert result.exit_code == 1
    assert (home / ".codex" / "config.toml").read_bytes() == FILES["codex"]
    assert [path.name for path in (home / ".codex").iterdir()] == ["config.toml"]


def test_without_anybody_to_answer_the_option_that_answers_is_named(home: Path) -> None:
    codex, cursor = home / ".codex" / "config.toml", home / ".cursor" / "mcp.json"

    results = {codex: connect("codex"), cursor: connect("cursor", "--read-only")}

    for path, result in results.items():
        assert result.exit_code == 2
        assert result.stderr == (
            f"backscroll: {path} was not changed: add --yes to agree without being asked\n"
        )
    assert (home / ".codex" / "config.toml").read_bytes() == FILES["codex"]
    assert (home / ".cursor" / "mcp.json").read_bytes() == FILES["cursor"]


def test_settings_in_the_environment_are_written_and_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKSCROLL_DATABASE", "sqlite:///talks.db")
    monkeypatch.setenv("BACKSCROLL_READ_ONLY", "true")
    monkeypatch.setenv("BACKSCROLL_RESULT_CHARS", " ")
    monkeypatch.setenv("BACKSCROLL_HTTP_WORKERS", "2")
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))

    result = connect("cursor", "--print", "--no-read-only")

    assert json.loads(result.stdout)["mcpServers"]["backscroll"]["env"] == {
        "BACKSCROLL_DATABASE": f"sqlite:///{home}/data/backscroll/talks.db",
        "BACKSCROLL_READ_ONLY": "false",
    }
    assert (
        result.stderr == "The entry has these settings from the environment: BACKSCROLL_DATABASE\n"
    )


def test_a_host_that_never_ran_is_found_on_the_path(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "bin").mkdir()
    for program in ("claude", "code", "opencode"):
        (home / "bin" / program).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(home / "bin"))

    states = [line.split()[2:] for line in connect().stdout.splitlines()]

    assert states[1:3] == [
        ["Code", "installed", f"{home}/.claude.json"],
        ["Code", "installed", f"{home}/.config/Code/User/mcp.json"],
    ]
    assert states[6] == ["installed", f"{home}/.config/opencode/opencode.json"]


def test_another_server_of_that_name_is_shown_and_stays(home: Path) -> None:
    path = home / ".cursor" / "mcp.json"
    path.write_text('{"mcpServers": {"backscroll": {"url": "http://127.0.0.1:8000/mcp"}}}')

    listed, removed = connect().stdout, connect("cursor", "--remove", "--yes").stdout

    assert f"cursor       Cursor          another entry  {path}\n" in listed
    assert removed == (
        f"Cursor does not have Backscroll: {path}\n"
        'The entry "backscroll" stays: backscroll connect did not write it.\n'
    )
    assert "8000" in path.read_text()


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("claude", {}),
        ("claude-code", {"BACKSCROLL_OUTPUT": "text", "BACKSCROLL_RESULT_CHARS": "30000"}),
        ("vscode", {"BACKSCROLL_OUTPUT": "text", "BACKSCROLL_RESULT_CHARS": "8000"}),
        ("cursor", {}),
        ("codex", {"BACKSCROLL_OUTPUT": "text", "BACKSCROLL_RESULT_CHARS": "30000"}),
        ("gemini", {}),
        ("opencode", {"BACKSCROLL_OUTPUT": "text", "BACKSCROLL_RESULT_CHARS": "30000"}),
    ],
)
@pytest.mark.usefixtures("home")
def test_an_entry_has_the_settings_that_suit_what_the_hosts_model_sees(
    name: str, variables: dict[str, str]
) -> None:
    host = BY_NAME[name]

    def entry(*arguments: str) -> dict[str, str]:
        text = connect(name, "--print", *arguments).stdout
        data = tomllib.loads(text) if host.format == "toml" else json.loads(text)
        found: dict[str, str] = data[host.servers]["backscroll"].get(host.env, {})
        return found

    assert entry() == variables
    assert entry("--output", "both") == variables | {"BACKSCROLL_OUTPUT": "both"}


def test_print_prints_what_belongs_in_the_file_and_no_more(home: Path) -> None:
    before = sorted(home.rglob("*"))

    result = connect("vscode", "--print", "--upstream", "openai")

    printed = json.loads(result.stdout)
    assert printed["servers"]["backscroll"]["env"] == {
        "BACKSCROLL_OUTPUT": "text",
        "BACKSCROLL_RESULT_CHARS": "8000",
        "BACKSCROLL_UPSTREAM": "openai",
        "BACKSCROLL_API_KEY": "${input:backscroll-api-key}",
    }
    assert [item["id"] for item in printed["inputs"]] == ["backscroll-api-key"]
    assert sorted(home.rglob("*")) == before


def test_a_key_in_the_environment_is_not_written_unless_asked(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKSCROLL_API_KEY", SECRET)
    path = home / ".config" / "Claude" / "claude_desktop_config.json"

    result = connect("claude", "--upstream", "openai", "--yes")

    assert SECRET not in result.output + path.read_text()
    assert "--write-key" in result.output

    result = connect("claude", "--upstream", "openai", "--write-key", "--yes")

    assert json.loads(path.read_text())["mcpServers"]["backscroll"]["env"] == {
        "BACKSCROLL_UPSTREAM": "openai",
        "BACKSCROLL_API_KEY": SECRET,
    }
    assert SECRET not in result.output
    assert '+        "BACKSCROLL_API_KEY": "••••••••"\n' in result.output


def test_a_key_of_another_upstream_is_not_taken_for_this_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    azure = ("--upstream", "azure", "--base-url", "https://a.example")

    connect("cursor", *azure, "--write-key", "--yes", stdin="typed\n")

    written = (home / ".cursor" / "mcp.json").read_text()
    assert '"BACKSCROLL_API_KEY": "typed"' in written
    assert connect("claude", "--write-key").stderr == (
        "backscroll: --write-key needs an --upstream: the embedded store has no key\n"
    )


def test_secrets_of_other_servers_and_keys_that_go_are_not_shown(home: Path) -> None:
    path = home / ".cursor" / "mcp.json"
    others = {"a": {"headers": {"Authorization": f"Bearer {SECRET}"}, "env": {"B_TOKEN": SECRET}}}
    path.write_text(json.dumps({"mcpServers": others}, indent=2))

    shown = connect("cursor", "--upstream", "openai", "--write-key", "--yes", stdin=SECRET).output
    shown += connect("cursor", "--remove", "--yes").output

    assert SECRET not in shown
    assert '"B_TOKEN": "••••••••"' in shown
    assert '-        "BACKSCROLL_API_KEY": "••••••••"' in shown


@pytest.mark.parametrize("option", ["--database", "--database-read"])
def test_a_password_in_a_url_is_written_only_when_asked_and_never_shown(
    home: Path, option: str
) -> None:
    url = (option, f"postgresql://ada:{SECRET}@db.example/talks")
    path = home / ".cursor" / "mcp.json"

    refused = connect("cursor", *url, "--yes")
    untouched = path.read_bytes()
    asked = connect("cursor", *url, "--write-key", "--yes")

    assert refused.stderr.startswith(f"backscroll: {option} contains a password, which would be ")
    assert untouched == FILES["cursor"]
    assert asked.exit_code == 0
    assert SECRET in path.read_text()
    assert SECRET not in asked.output
    assert '"postgresql://ada:••••••••@db.example/talks"' in asked.output


def test_no_color_means_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def colored() -> bool:
        shown = CliRunner().invoke(commands, ["connect", "cursor", "--no-check"], color=True).stdout
        return "\x1b[" in shown

    monkeypatch.delenv("NO_COLOR", raising=False)
    with_color = colored()
    monkeypatch.setenv("NO_COLOR", "1")

    assert (with_color, colored()) == (True, False)
    assert (home / ".cursor" / "mcp.json").read_bytes() == FILES["cursor"]


def test_a_key_that_is_typed_is_not_shown(home: Path) -> None:
    arguments = ("cursor", "--upstream", "openai", "--write-key", "--yes")

    result = connect(*arguments, stdin=f"{SECRET}\n")

    assert SECRET in (home / ".cursor" / "mcp.json").read_text()
    assert SECRET not in result.output


def test_a_file_of_a_project_can_be_named(home: Path) -> None:
    path = home / "work" / ".vscode" / "mcp.json"

    assert connect("vscode", "--file", str(path), "--yes").exit_code == 0

    assert list(json.loads(path.read_text())["servers"]) == ["backscroll"]


def test_chatgpt_is_told_an_address(home: Path) -> None:
    before = sorted(home.rglob("*"))

    result = connect("chatgpt", "--url", "https://talks.example/mcp")

    assert result.exit_code == 0
    assert "     MCP server URL  https://talks.example/mcp\n" in result.stdout
    assert "backscroll serve --transport http --output text\n" in result.stdout
    assert "With BACKSCROLL_OUTPUT=text, it sees the text" in result.stdout
    assert sorted(home.rglob("*")) == before
    assert connect("chatgpt", "--url", "http://talks.example/mcp").stderr == (
        "backscroll: --url must start with https://: ChatGPT only connects over HTTPS\n"
    )


def test_a_setting_that_would_stop_the_start_is_refused_before_it_is_written(home: Path) -> None:
    result = connect("cursor", "--result-chars", "5", "--yes")

    assert (result.exit_code, result.stderr) == (
        2,
        "backscroll: --result-chars must be a whole number from 2000 to 200000, not '5'.\n",
    )
    assert (home / ".cursor" / "mcp.json").read_bytes() == FILES["cursor"]


def test_a_broken_file_is_one_line_on_stderr(home: Path) -> None:
    path = home / ".cursor" / "mcp.json"
    path.write_text('{"mcpServers": {')

    result = connect("cursor", "--yes")

    assert (result.exit_code, result.stdout, result.stderr) == (
        2,
        "",
        (
            f"backscroll: {path} was not changed: it is not valid JSON from line 1, column 17 "
            "on; fix the file, or use --print\n"
        ),
    )


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("sqlite:///talks.db", "sqlite:///{here}/talks.db"),
        ("./talks.db", "sqlite:///{here}/talks.db"),
        ("sqlite:///~/talks.db", "sqlite:///{home}/talks.db"),
        ("~/talks.db", "sqlite:///{home}/talks.db"),
        ("sqlite:////srv/talks.db", "sqlite:////srv/talks.db"),
        ("sqlite:///x?.db", None),
        ("", None),
    ],
)
def test_a_host_is_told_the_file_that_the_person_meant_here(
    typed: str, written: str | None, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = home / "work"
    here.mkdir()
    monkeypatch.chdir(here)

    result = connect("cursor", "--print", "--database", typed)

    entry = json.loads(result.stdout)["mcpServers"]["backscroll"]
    told = entry.get("env", {}).get("BACKSCROLL_DATABASE")
    assert told == (written.format(here=here, home=home) if written else typed or None)
