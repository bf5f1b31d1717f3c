"""Where each host keeps its servers on each system, and what its file says of Backscroll."""

import tomllib
from pathlib import Path

import pytest

from backscroll.commands.connect import change, command
from backscroll.commands.connect.configuration import connected
from backscroll.commands.connect.entry import HostEntry, needs_key, variables
from backscroll.commands.connect.hosts import BY_NAME, HOSTS
from backscroll.commands.connect.jsonc import parse
from backscroll.commands.connect.machine import Machine
from backscroll.process.exits import CommandError
from backscroll.settings.loading import load
from tests.server.commands.connect.homes import BROKEN, FILES, PLATFORMS, lived_in, machine

HOME = Path("/home/ada")
PLAIN = HostEntry(("uvx", "backscroll"), {})
KEYED = HostEntry(("/opt/backscroll",), {"BACKSCROLL_UPSTREAM": "openai"}, needs_key=True)

on_each_system = pytest.mark.parametrize("platform", PLATFORMS)
each_host = pytest.mark.parametrize("name", FILES)


@pytest.mark.parametrize(
    ("name", "platform", "place"),
    [
        ("claude", "linux", ".config/Claude/claude_desktop_config.json"),
        ("claude", "darwin", "Library/Application Support/Claude/claude_desktop_config.json"),
        ("claude", "win32", "AppData/Roaming/Claude/claude_desktop_config.json"),
        ("claude-code", "linux", ".claude.json"),
        ("claude-code", "darwin", ".claude.json"),
        ("claude-code", "win32", ".claude.json"),
        ("vscode", "linux", ".config/Code/User/mcp.json"),
        ("vscode", "darwin", "Library/Application Support/Code/User/mcp.json"),
        ("vscode", "win32", "AppData/Roaming/Code/User/mcp.json"),
        ("cursor", "linux", ".cursor/mcp.json"),
        ("cursor", "darwin", ".cursor/mcp.json"),
        ("cursor", "win32", ".cursor/mcp.json"),
        ("codex", "linux", ".codex/config.toml"),
        ("codex", "darwin", ".codex/config.toml"),
        ("codex", "win32", ".codex/config.toml"),
        ("gemini", "linux", ".gemini/settings.json"),
        ("gemini", "darwin", ".gemini/settings.json"),
        ("gemini", "win32", ".gemini/settings.json"),
        ("opencode", "linux", ".config/opencode/opencode.json"),
        ("opencode", "darwin", ".config/opencode/opencode.json"),
        ("opencode", "win32", ".config/opencode/opencode.json"),
        ("copilot", "linux", ".copilot/mcp-config.json"),
        ("copilot", "darwin", ".copilot/mcp-config.json"),
        ("copilot", "win32", ".copilot/mcp-config.json"),
    ],
)
def test_each_host_has_its_file_in_its_place(name: str, platform: str, place: str) -> None:
    assert BY_NAME[name].config(machine(platform, HOME)) == HOME / place


@pytest.mark.parametrize(
    ("name", "variable", "place"),
    [
        ("claude", "XDG_CONFIG_HOME", "Claude/claude_desktop_config.json"),
        ("claude-code", "CLAUDE_CONFIG_DIR", ".claude.json"),
        ("vscode", "XDG_CONFIG_HOME", "Code/User/mcp.json"),
        ("codex", "CODEX_HOME", "config.toml"),
        ("gemini", "GEMINI_CLI_HOME", ".gemini/settings.json"),
        ("opencode", "XDG_CONFIG_HOME", "opencode/opencode.json"),
        ("copilot", "COPILOT_HOME", "mcp-config.json"),
    ],
)
def test_a_variable_that_the_host_reads_moves_its_file(
    name: str, variable: str, place: str
) -> None:
    moved = Machine("linux", {variable: "/srv/elsewhere"}, HOME)

    assert BY_NAME[name].config(moved) == Path("/srv/elsewhere", place)


def test_claude_desktop_as_a_package_of_windows_has_its_file_inside_the_package(
    tmp_path: Path,
) -> None:
    package = tmp_path / "AppData" / "Local" / "Packages" / "Claude_pzs8sxrjxfjjc"
    package.mkdir(parents=True)

    path = BY_NAME["claude"].config(machine("win32", tmp_path))

    assert path == package / "LocalCache" / "Roaming" / "Claude" / "claude_desktop_config.json"


def test_the_command_offers_every_host() -> None:
    (argument,) = (item for item in command.connect.params if item.name == "host")

    assert list(getattr(argument.type, "choices", ())) == list(BY_NAME)
    assert [host.name for host in HOSTS] == [*FILES, "chatgpt"]


@on_each_system
@each_host
@pytest.mark.parametrize("entry", [PLAIN, KEYED], ids=["plain", "keyed"])
def test_coming_and_going_leaves_the_file_as_it_was_to_the_byte(
    name: str, platform: str, entry: HostEntry, tmp_path: Path
) -> None:
    host, where = BY_NAME[name], machine(platform, tmp_path)
    path = lived_in(name, where, FILES[name])
    files = sorted(path.parent.iterdir())

    change.connecting(host, path, PLAIN).apply()
    change.connecting(host, path, entry).apply()
    connected = path.read_bytes()
    change.disconnecting(host, path).apply()

    assert connected != FILES[name]
    assert path.read_bytes() == FILES[name]
    assert sorted(path.parent.iterdir()) == files


@each_host
def test_a_file_that_was_not_there_is_not_there_again(name: str, tmp_path: Path) -> None:
    host, path = BY_NAME[name], tmp_path / "new" / "file"

    change.connecting(host, path, PLAIN).apply()
    change.connecting(host, path, KEYED).apply()
    mode = path.stat().st_mode & 0o777
    change.disconnecting(host, path).apply()

    assert mode == 0o600
    assert list(path.parent.iterdir()) == []


@each_host
@pytest.mark.parametrize("raw", [b"", b"\n", b"{}", b"{ }\n", b"{\n}"])
def test_an_empty_file_is_as_empty_as_it_was(name: str, raw: bytes, tmp_path: Path) -> None:
    if BY_NAME[name].format == "toml":
        raw = raw.replace(b"{", b"").replace(b"}", b"")
    path = lived_in(name, machine("linux", tmp_path), raw)

    change.connecting(BY_NAME[name], path, KEYED).apply()
    change.disconnecting(BY_NAME[name], path).apply()

    assert path.read_bytes() == raw


@each_host
def test_what_the_host_has_written_since_stays(name: str, tmp_path: Path) -> None:
    host = BY_NAME[name]
    path = lived_in(name, machine("linux", tmp_path), FILES[name])
    change.connecting(host, path, PLAIN).apply()
    since = b"# since\n[tui]\na = 1\n" if host.format == "toml" else b"// since\n"
    path.write_bytes(path.read_bytes() + since)

    change.disconnecting(host, path).apply()

    left = path.read_bytes()
    assert left.endswith(since)
    assert b"backscroll" not in left.replace(b'[mcp_servers.backscroll]\n"""', b"")


@each_host
def test_a_broken_file_is_not_changed_and_reported_in_one_line(name: str, tmp_path: Path) -> None:
    path = lived_in(name, machine("linux", tmp_path), BROKEN[name])

    with pytest.raises(CommandError) as coming:
        change.connecting(BY_NAME[name], path, PLAIN)
    with pytest.raises(CommandError) as going:
        change.disconnecting(BY_NAME[name], path)

    assert str(coming.value) == str(going.value)
    flaw = "is not valid TOML" if path.suffix == ".toml" else "is not valid JSON from"
    assert str(coming.value).startswith(f"{path} was not changed: it {flaw}")
    assert str(coming.value).endswith("; fix the file, or use --print")
    assert "\n" not in str(coming.value)
    assert path.read_bytes() == BROKEN[name]
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("raw", ["{}".encode("utf-16"), b'{"a": "\xff"}'])
def test_a_file_in_another_encoding_is_left_alone(raw: bytes, tmp_path: Path) -> None:
    path = lived_in("cursor", machine("linux", tmp_path), raw)

    with pytest.raises(CommandError, match=r"was not changed: it is not UTF-8$"):
        change.connecting(BY_NAME["cursor"], path, PLAIN)

    assert path.read_bytes() == raw


def test_a_link_stays_one_and_permissions_stay(tmp_path: Path) -> None:
    kept, link = tmp_path / "dotfiles.json", tmp_path / "mcp.json"
    kept.write_bytes(FILES["cursor"])
    kept.chmod(0o640)
    link.symlink_to(kept)

    change.connecting(BY_NAME["cursor"], link, PLAIN).apply()

    assert link.is_symlink()
    assert b"backscroll" in kept.read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o640


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = lived_in("cursor", machine("linux", tmp_path), FILES["cursor"])
    planned = change.connecting(BY_NAME["cursor"], path, PLAIN)
    path.write_bytes(b"{}")

    with pytest.raises(CommandError, match=r"was changed by another program: try again$"):
        planned.apply()

    assert path.read_bytes() == b"{}"


@pytest.mark.parametrize(
    ("name", "server"),
    [
        ("claude", {"command": "/opt/backscroll", "env": {"BACKSCROLL_UPSTREAM": "openai"}}),
        (
            "claude-code",
            {
                "type": "stdio",
                "command": "/opt/backscroll",
                "env": {
                    "BACKSCROLL_UPSTREAM": "openai",
                    "BACKSCROLL_API_KEY": "${BACKSCROLL_API_KEY}",
                },
            },
        ),
        (
            "vscode",
            {
                "type": "stdio",
                "command": "/opt/backscroll",
                "env": {
                    "BACKSCROLL_UPSTREAM": "openai",
                    "BACKSCROLL_API_KEY": "${input:backscroll-api-key}",
                },
            },
        ),
        (
            "cursor",
            {
                "command": "/opt/backscroll",
                "env": {
                    "BACKSCROLL_UPSTREAM": "openai",
                    "BACKSCROLL_API_KEY": "${env:BACKSCROLL_API_KEY}",
                },
            },
        ),
        (
            "codex",
            {
                "command": "/opt/backscroll",
                "env_vars": ["BACKSCROLL_API_KEY"],
                "env": {"BACKSCROLL_UPSTREAM": "openai"},
            },
        ),
        (
            "gemini",
            {
                "command": "/opt/backscroll",
                "env": {
                    "BACKSCROLL_UPSTREAM": "openai",
                    "BACKSCROLL_API_KEY": "$BACKSCROLL_API_KEY",
                },
            },
        ),
        (
            "opencode",
            {
                "type": "local",
                "command": ["/opt/backscroll"],
                "environment": {
                    "BACKSCROLL_UPSTREAM": "openai",
                    "BACKSCROLL_API_KEY": "{env:BACKSCROLL_API_KEY}",
                },
            },
        ),
    ],
)
def test_a_key_is_referred_to_in_the_hosts_own_way(name: str, server: object) -> None:
    host = BY_NAME[name]
    text = connected(host, "", KEYED)

    data = tomllib.loads(text) if host.format == "toml" else parse(text).data

    assert isinstance(data, dict)
    assert data.pop(host.servers) == {"backscroll": server}
    assert data == (
        {
            "inputs": [
                {
                    "type": "promptString",
                    "id": "backscroll-api-key",
                    "description": "The key of Backscroll's upstream",
                    "password": True,
                }
            ]
        }
        if host.asks
        else {}
    )


@pytest.mark.parametrize(
    ("flags", "needed"),
    [
        ({}, False),
        ({"upstream": "openai"}, True),
        ({"upstream": "azure", "base_url": "https://a.example"}, True),
        ({"upstream": "azure", "base_url": "https://a.example", "auth": "entra"}, False),
        ({"upstream": "foundry", "base_url": "https://a.example"}, False),
        ({"upstream": "compatible", "base_url": "https://a.example"}, False),
        ({"upstream": "anthropic"}, True),
        ({"upstream": "google"}, True),
    ],
)
def test_a_key_is_asked_for_where_the_upstream_needs_one(
    flags: dict[str, str], needed: bool
) -> None:
    assert needs_key(load(flags, {"BACKSCROLL_API_KEY": "k"})) == needed


def test_settings_are_written_as_hosts_write_them() -> None:
    assert variables({"read_only": "True", "result_chars": "9000"}) == {
        "BACKSCROLL_READ_ONLY": "true",
        "BACKSCROLL_RESULT_CHARS": "9000",
    }
