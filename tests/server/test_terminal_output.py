"""What a person reads: without colour, at 80 columns, and in a pipe."""

import re
from pathlib import Path

import pytest

from manifests.commands_page import every
from tests.server.command_line import at_terminal, backscroll

WIDTH = 80
SHOWN = [
    ("--help",),
    ("token", "--help"),
    *((*path.split()[1:], "--help") for path, _ in every()),
    ("connect",),
    ("doctor",),
    ("call",),
]
KINDS = [("--help",), ("connect",), ("doctor",), ("call",)]
"""One command of each kind of output; the other help is the same code."""
each_command = pytest.mark.parametrize("words", SHOWN, ids=" ".join)
each_kind = pytest.mark.parametrize("words", KINDS, ids=" ".join)


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'x.db'}"


def is_plain(text: str) -> bool:
    """Whether a text has no control characters but line ends."""
    return not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)


def too_wide(text: str, database: str) -> list[str]:
    """Return lines that do not fit; a path is one word, which nothing can break."""
    lines = text.replace(database, "").splitlines()
    return [line for line in lines if len(line) > WIDTH and max(map(len, line.split())) <= 40]


@each_kind
def test_without_colour_it_is_plain_text_in_80_columns(
    words: tuple[str, ...], database: str
) -> None:
    shown = at_terminal(database, *words, environ={"NO_COLOR": "1"}).decode().replace("\r\n", "\n")

    assert shown.strip()
    assert is_plain(shown)
    assert too_wide(shown, database) == []


@each_command
def test_in_a_pipe_it_is_plain_text(words: tuple[str, ...], database: str) -> None:
    done = backscroll(database, *words, environ={"COLUMNS": str(WIDTH)})

    assert (done.exit_code, done.stderr) == (0, "")
    assert is_plain(done.stdout)
    assert too_wide(done.stdout, database) == []
