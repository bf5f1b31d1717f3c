"""Runs the command line for tests, in this process or in its own."""

import json
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from backscroll.cli import commands
from tests.pace import limit_s

COMMAND = (sys.executable, "-m", "backscroll")
WAIT_S = limit_s(30)


def backscroll(
    database: str, *arguments: str, stdin: bytes = b"", environ: Mapping[str, str] | None = None
) -> Result:
    """Run a command in this process; if `database` is empty, the arguments choose it."""
    variables = {"BACKSCROLL_DATABASE": database or None, **(environ or {})}
    return CliRunner().invoke(
        commands, arguments, input=stdin, env=variables, prog_name="backscroll"
    )


def variables(**settings: str) -> dict[str, str]:
    """Return this process's environment with only these settings."""
    others = {name: value for name, value in os.environ.items() if "BACKSCROLL" not in name}
    return {**others, **{f"BACKSCROLL_{name.upper()}": value for name, value in settings.items()}}


def process(database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in its own process, with empty stdin."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=variables(database=database),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=WAIT_S,
        check=False,
    )


def at_terminal(
    database: str,
    *arguments: str,
    typed: bytes = b"",
    environ: Mapping[str, str] | None = None,
    command: Sequence[str] = COMMAND,
) -> bytes:
    """Run a command at a terminal 80 columns wide; return its output.

    Args:
        database: the URL of its database.
        arguments: the arguments after `backscroll`.
        typed: what a person types.
        environ: more environment variables.
        command: what starts `backscroll`; by default, this Python.
    """
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    try:
        with subprocess.Popen(
            [*command, *arguments],
            env=variables(database=database)
            | {"TERM": "xterm", "COLUMNS": "80", **(environ or {})},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        ) as running:
            os.close(theirs)
            os.write(ours, typed)
            shown = b""
            try:
                while chunk := os.read(ours, 65_536):
                    shown += chunk
            except OSError:  # on Linux, the other end has closed
                pass
            running.wait(WAIT_S)
    finally:
        os.close(ours)
    return shown


def write_lines(path: Path, lines: Iterable[object]) -> Path:
    """Write JSON Lines; a line that is text or bytes is written unchanged."""
    with path.open("wb") as file:
        for line in lines:
            raw = line if isinstance(line, bytes) else _encoded(line)
            file.write(raw + b"\n")
    return path


def read_lines(text: str) -> list[dict[str, Any]]:
    """Return the objects of JSON Lines."""
    return [json.loads(line) for line in text.splitlines()]


def _encoded(line: object) -> bytes:
    return line.encode() if isinstance(line, str) else json.dumps(line).encode()
