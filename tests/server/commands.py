"""The command line as tests run it: in this process, or as a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from backscroll.cli import commands

COMMAND = (sys.executable, "-m", "backscroll")


def backscroll(
    database: str, *arguments: str, stdin: bytes = b"", environ: Mapping[str, str] | None = None
) -> Result:
    """Run a command in this process; a database of "" leaves it to the arguments."""
    variables = {"BACKSCROLL_DATABASE": database or None, **(environ or {})}
    return CliRunner().invoke(
        commands, arguments, input=stdin, env=variables, prog_name="backscroll"
    )


def variables(**settings: str) -> dict[str, str]:
    """Return the environment of a process: this one's, without other settings than these."""
    others = {name: value for name, value in os.environ.items() if "BACKSCROLL" not in name}
    return {**others, **{f"BACKSCROLL_{name.upper()}": value for name, value in settings.items()}}


def process(database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own, with nothing on stdin."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=variables(database=database),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )


def write_lines(path: Path, lines: Iterable[object]) -> Path:
    """Write JSON Lines; a line that is text or bytes is written as it is."""
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
