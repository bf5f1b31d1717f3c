"""Programs that run to their end."""

import os
import subprocess
from pathlib import Path
from typing import Final

from tests.pace import limit_s

TIMEOUT_S: Final = limit_s(50)
"""Just under the time limit of a test, so that the failure shows the program's output."""


def finished(*command: str | Path, stdin: str = "", **environ: str) -> str:
    """Run a program and return what it printed.

    Raises:
        subprocess.CalledProcessError: it failed; its output is in the notes.
        subprocess.TimeoutExpired: it took longer than `TIMEOUT_S`.
    """
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        check=False,
        encoding="utf-8",
        env=os.environ | environ,
        timeout=TIMEOUT_S,
    )
    try:
        done.check_returncode()
    except subprocess.CalledProcessError as error:
        error.add_note(done.stdout)
        error.add_note(done.stderr)
        raise
    return done.stdout
