"""What a user or a host added to the entry stays, and an entry that Backscroll replaced returns."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from backscroll.commands.connect import change
from backscroll.commands.connect.configuration import connected, returned
from backscroll.commands.connect.entry import HostEntry
from backscroll.commands.connect.hosts import BY_NAME
from backscroll.commands.connect.jsonc import parse
from backscroll.commands.connect.machine import Machine
from backscroll.commands.connect.ownership import is_ours
from backscroll.commands.connect.running import adding
from tests.server.commands.connect import standins
from tests.server.commands.connect.homes import FILES

ENTRY = HostEntry(("/opt/new/backscroll",), {"BACKSCROLL_READ_ONLY": "true"}, needs_key=False)
CODEX = """\
[mcp_servers.backscroll] # history
command = "/opt/old/backscroll"
env_vars = ["HTTPS_PROXY", "BACKSCROLL_API_KEY"]
startup_timeout_sec = 20 # a slow disk
enabled_tools = [
  "list-messages", # to read
]

[mcp_servers.backscroll.env]
BACKSCROLL_UPSTREAM = "openai"
SSL_CERT_FILE = "/etc/ssl/ca.pem"

[mcp_servers.backscroll.tools.list-messages]
approval_mode = "approve"

# where I work
[projects."/home/ada/w"]
trust_level = "trusted"
"""
CODEX_AFTER = """\
[mcp_servers.backscroll] # history
startup_timeout_sec = 20 # a slow disk
enabled_tools = [
  "list-messages", # to read
]
command = "/opt/new/backscroll"
env_vars = ["HTTPS_PROXY"]

[mcp_servers.backscroll.env]
SSL_CERT_FILE = "/etc/ssl/ca.pem"
BACKSCROLL_READ_ONLY = "true"

[mcp_servers.backscroll.tools.list-messages]
approval_mode = "approve"

# where I work
[projects."/home/ada/w"]
trust_level = "trusted"
"""
JSON = """\
{
  "mcpServers": {
    "backscroll": {
      "command": "/opt/old/backscroll",
      "timeout": 9000, // a slow disk
      "env": {
        "BACKSCROLL_UPSTREAM": "openai",
        "SSL_CERT_FILE": "/etc/ssl/ca.pem" // ours
      },
      "trust": true
    }
  }
}
"""
JSON_AFTER = """\
{
  "mcpServers": {
    "backscroll": {
      "command": "/opt/new/backscroll",
      "timeout": 9000, // a slow disk
      "env": {
        "SSL_CERT_FILE": "/etc/ssl/ca.pem", // ours
        "BACKSCROLL_READ_ONLY": "true"
      },
      "trust": true
    }
  }
}
"""
FOREIGN: dict[str, Any] = {"command": "npx", "args": ["-y", "other"], "env": {"A": "1"}}


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [("codex", CODEX, CODEX_AFTER), ("gemini", JSON, JSON_AFTER), ("claude", JSON, JSON_AFTER)],
)
def test_connecting_again_keeps_what_the_user_and_the_host_added(
    name: str, before: str, after: str
) -> None:
    once = connected(BY_NAME[name], before, ENTRY)

    assert once == after
    assert connected(BY_NAME[name], once, ENTRY) == once


@pytest.mark.parametrize(("name", "text"), [("codex", CODEX), ("gemini", JSON)])
def test_a_command_that_would_drop_those_parts_is_not_run(
    name: str, text: str, tmp_path: Path
) -> None:
    standins.install(tmp_path / "bin", name)
    machine = Machine("linux", {"PATH": str(tmp_path / "bin")}, tmp_path)
    path = tmp_path / "file"
    path.write_text(text)

    run = adding(BY_NAME[name], machine, path, ENTRY)

    assert run == f"{name} would drop fields that the entry has now"


@pytest.mark.parametrize("name", FILES)
def test_a_foreign_entry_of_that_name_is_replaced_and_put_back(name: str, tmp_path: Path) -> None:
    host, path = BY_NAME[name], tmp_path / "file"
    text = FILES[name].decode()
    foreign = returned(host, text, FOREIGN).encode()
    path.write_bytes(foreign)

    change.connecting(host, path, ENTRY).apply()
    connected_text = path.read_text()
    change.disconnecting(host, path).apply()

    assert "npx" not in connected_text.partition("/opt/new")[2]
    assert path.read_bytes() == foreign
    assert list(path.parent.iterdir()) == [path]
    assert not change.disconnecting(host, path).has_effect  # it is not Backscroll's


@pytest.mark.parametrize("name", ["codex", "cursor"])
def test_a_foreign_entry_is_put_back_into_a_file_that_has_changed_since(
    name: str, tmp_path: Path
) -> None:
    host, path = BY_NAME[name], tmp_path / "file"
    path.write_text(returned(host, "", FOREIGN))
    change.connecting(host, path, ENTRY).apply()
    since = "[tui]\na = 1\n" if host.format == "toml" else "// since\n"
    path.write_text(path.read_text() + since)

    change.disconnecting(host, path).apply()

    text = path.read_text()
    data: Any = tomllib.loads(text) if host.format == "toml" else parse(text).data
    assert data[host.servers] == {"backscroll": FOREIGN}
    assert since in text
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", FILES)
def test_a_byte_order_mark_goes_with_the_change_and_returns_with_its_undoing(
    name: str, tmp_path: Path
) -> None:
    host, path = BY_NAME[name], tmp_path / "file"
    raw = b"\xef\xbb\xbf" + FILES[name].removeprefix(b"\xef\xbb\xbf")
    path.write_bytes(raw)

    made = change.connecting(host, path, ENTRY)
    made.apply()
    written = path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + written)
    again = change.connecting(host, path, ENTRY)
    again.apply()

    assert not written.startswith(b"\xef\xbb\xbf")
    assert path.read_bytes() == written
    assert again.diff() == "(The byte order mark at the start is removed.)"
    change.disconnecting(host, path).apply()
    assert path.read_bytes() == raw


@pytest.mark.parametrize(
    ("command", "ours"),
    [
        (["/opt/venv/bin/backscroll"], True),
        (["C:\\Users\\Ada\\backscroll.exe"], True),
        (["/usr/bin/python3.13", "-m", "backscroll"], True),
        (["C:\\Python\\pythonw.exe", "-m", "backscroll"], True),
        (["/usr/bin/uvx", "backscroll"], True),
        (["uvx", "--from", "backscroll[otel] @ git+https://example.com/b", "backscroll"], True),
        (["pipx", "run", "--spec", "/srv/backscroll.whl", "backscroll"], True),
        (["npx", "-y", "backscroll"], False),
        (["docker", "run", "-i", "backscroll"], False),
        (["backscroll", "serve"], False),
        ([7], False),
        ([], False),
    ],
)
def test_an_entry_is_known_by_its_command(command: list[str], ours: bool) -> None:
    as_two = {"command": command[0], "args": command[1:]} if command else {"url": "https://a.b"}

    assert is_ours(as_two) is ours
    assert is_ours({"command": command}) is ours
