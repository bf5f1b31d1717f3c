"""A command that starts with a closed stream, or whose output takes no more, ends with one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.command_line import WAIT_S, variables

NO_STDOUT = b"backscroll: stdout is closed, but this command writes its result there\n"
FULL = b"backscroll: the output cannot be written: No space left on device\n"
NEITHER = b"backscroll: stdin or stdout is closed, but the protocol needs both\n"


def ended(words: str, redirected: str, folder: Path) -> tuple[int, bytes]:
    """Run a command with the shell's redirections; return its exit code and its stderr."""
    ran = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -m backscroll {words} {redirected}', sys.executable],
        env=variables(database=f"sqlite:///{folder / 'x.db'}"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=WAIT_S,
        check=False,
    )
    return ran.returncode, ran.stderr


@pytest.mark.parametrize(
    ("words", "redirected", "line"),
    [
        ("", ">&-", NEITHER),
        ("serve --no-quick-start", "<&- >&-", NEITHER),
        ("call create-message role=user content=lost", ">&-", NO_STDOUT),
        ("export", ">&-", NO_STDOUT),
        ("token create ada", ">&-", NO_STDOUT),
        ("import -", "<&-", b"backscroll: stdin is closed, but the path - means stdin\n"),
        (
            "call",
            "> /dev/full",
            b"backscroll: the output cannot be written: No space left on device\n",
        ),
    ],
)
def test_a_stream_that_a_command_needs_is_named_in_one_line(
    words: str, redirected: str, line: bytes, tmp_path: Path
) -> None:
    assert ended(words, redirected, tmp_path) == (2, line)
    assert not (tmp_path / "x.db").exists()


@pytest.mark.parametrize(
    ("words", "redirected"),
    [("call list-threads", "2>&-"), ("import /dev/null", "<&- >&-"), ("--version", "<&- >&- 2>&-")],
)
def test_a_stream_that_a_command_does_not_need_may_be_closed(
    words: str, redirected: str, tmp_path: Path
) -> None:
    assert ended(words, redirected, tmp_path) == (0, b"")
