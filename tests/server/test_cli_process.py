"""The command as a process: what it imports, where it writes, and how it ends."""

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from backscroll.commands.serve.over_stdio import hint
from backscroll.settings.installation import launch
from tests.pace import limit_s
from tests.server.command_line import (
    COMMAND,
    at_terminal,
    backscroll,
    process,
    variables,
    write_lines,
)

WAIT_S = limit_s(30)
BARE = """
import sys
from backscroll.__main__ import main
sys.argv = ["backscroll"]
main()
print(sorted({"backscroll.cli", "rich"} & sys.modules.keys()), file=sys.stderr)
"""
HOSTILE = "\x1b[31mred \u202egnp.exe"


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'x.db'}"


@pytest.fixture
def full(database: str, tmp_path: Path) -> str:
    """A database with a thread of one message."""
    line = {"id": "thread_one", "messages": [{"role": "user", "content": HOSTILE}]}
    file = write_lines(tmp_path / "x.jsonl", [line])
    assert backscroll(database, "import", str(file)).exit_code == 0
    return database


@contextmanager
def running(database: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command with pipes, killed at the end if it still runs."""
    with subprocess.Popen(
        [*COMMAND, *arguments],
        env=variables(database=database),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as command:
        try:
            yield command
        finally:
            command.kill()


def test_without_arguments_nothing_is_imported_that_only_people_need(database: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BARE],
        env=variables(database=database, quick_start="false"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=WAIT_S,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "[]\n")


def test_without_arguments_a_bad_setting_is_refused_in_one_line() -> None:
    done = subprocess.run(
        COMMAND,
        env=variables(output="all"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=WAIT_S,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "backscroll: BACKSCROLL_OUTPUT must be both or text or structured, not 'all'.\n",
    )


def test_at_a_terminal_the_server_says_how_to_connect_a_host(database: str) -> None:
    shown = at_terminal(database, typed=b"\x04").decode().replace("\r\n", "\n")

    first, *ways, last = shown.strip("\x04\x08^D").splitlines()
    assert first.startswith("backscroll is serving MCP on this terminal")
    assert [way.partition(":  ")[0] for way in ways] == [
        "To connect a host",
        "To see what it does",
        "To call a tool",
    ]
    connect = shlex.split(ways[0].partition(":  ")[2])
    assert connect[-1] == "connect"
    listing = subprocess.run(
        connect,
        env=variables(database=database),
        capture_output=True,
        encoding="utf-8",
        timeout=WAIT_S,
        check=True,
    )
    assert "claude-code" in listing.stdout
    assert last == "Ctrl-C stops it."


def test_the_hint_names_the_command_as_a_shell_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = Path(launch()[0])
    monkeypatch.setenv("PATH", str(installed.parent))
    named = hint().splitlines()[1]
    monkeypatch.setenv("PATH", str(tmp_path))
    placed = hint().splitlines()[1]

    assert named.endswith(":    backscroll connect")
    assert placed.endswith(f":    {shlex.join([*launch(), 'connect'])}")


def test_on_a_terminal_what_others_wrote_is_shown_and_not_obeyed(full: str) -> None:
    call = ("call", "list-messages", "thread_id=thread_one")

    text = at_terminal(full, *call).decode()
    structured = at_terminal(full, *call, "--json").decode()

    assert "\\u001b[31mred \\u202egnp.exe\r\n" in text
    assert json.loads(structured)["messages"][0]["text"] == HOSTILE
    lines = at_terminal(full, "export").decode()
    assert json.loads(lines)["messages"][0]["content"] == HOSTILE
    for shown in (text, structured, lines):
        assert not {"\x1b", "\u202e"} & set(shown)


def test_on_a_terminal_an_import_shows_how_far_it_is(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lines(tmp_path / "x.jsonl", [{"messages": []}])
    monkeypatch.chdir(tmp_path)

    shown = at_terminal(database, "import", "x.jsonl").decode()

    assert "x.jsonl" in shown
    assert "%" in shown
    assert "1 imported, 0 already there, 0 refused" in shown


def test_a_reader_that_leaves_ends_the_command_quietly(full: str) -> None:
    with running(full, "export") as command:
        assert command.stdin is not None
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.close()
        assert command.stderr.read() == ""
        assert command.wait(WAIT_S) == 141


def test_an_interrupt_ends_an_import_at_once_and_says_what_is_kept(database: str) -> None:
    with running(database, "import", "-") as command:
        assert command.stdin is not None
        assert command.stderr is not None
        command.stdin.write('{"messages": []}\n[]\n')
        command.stdin.flush()
        # Refused, so it is reading the next line now.
        assert command.stderr.readline() == (
            "backscroll: stdin: line 2: is not a valid JSON object: it is not an object\n"
        )
        command.send_signal(signal.SIGINT)
        assert command.stderr.read() == (
            "backscroll: interrupted: 1 imported, 0 already there, 1 refused. These are kept; the "
            "same command imports the rest\n"
        )
        assert command.wait(WAIT_S) == 130


def test_the_store_is_served_until_it_is_interrupted(full: str) -> None:
    with running(full, "store", "--port", "0") as command:
        assert command.stderr is not None
        first, example = command.stderr.readline(), command.stderr.readline()
        url = first.split()[4].removesuffix(",")
        threads = f"{url}/threads"
        headers = {"OpenAI-Beta": "assistants=v2"}
        port = url.split(":")[2].removesuffix("/v1")

        served = httpx2.get(threads, headers=headers, timeout=WAIT_S)
        stolen = httpx2.get(threads, headers={**headers, "Host": "evil.example"}, timeout=WAIT_S)
        second = process(full, "store", "--port", port)
        command.send_signal(signal.SIGINT)

        assert first == (
            f"The store is at http://127.0.0.1:{port}/v1, in OpenAI's wire format, "
            "for this machine only. Ctrl-C stops it.\n"
        )
        assert f'OpenAI(base_url="{url}", api_key="none")' in example
        assert [thread["id"] for thread in served.json()["data"]] == ["thread_one"]
        assert stolen.status_code == 400
        assert (second.returncode, second.stdout) == (2, "")
        assert second.stderr == (
            f"backscroll: cannot listen on 127.0.0.1:{port} (Address already in use): "
            "choose another with --port\n"
        )
        assert command.stderr.read() == ""
        assert command.wait(WAIT_S) == 130
