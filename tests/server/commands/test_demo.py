"""`backscroll demo`: it shows what holds, and says so when something does not."""

import re

import pytest

from backscroll.commands.demo import cast, show
from tests.server.command_line import process


def test_the_demonstration_holds_and_is_readable_in_a_pipe() -> None:
    done = process("sqlite:////dev/null/untouched.db", "demo")

    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert [line for line in lines if line.startswith("   ✗")] == []
    assert sum(line.startswith("   ✓") for line in lines) == 20
    assert "   ✓ 2,895 of 2,895 messages, each once and verbatim" in lines
    assert re.search(r"^All 20 checks passed in \d+\.\d s\.$", done.stdout, re.MULTILINE)
    assert [line for line in lines if len(line) > 80 or "\x1b" in line] == []
    assert 60 <= len(lines) <= 180


class _Misremembered(cast.Cast):
    """A cast whose words are not those that were loaded."""

    def texts(self, uuid: str) -> list[str]:
        return [f"{text}?" for text in super().texts(uuid)]


async def test_a_check_that_does_not_hold_is_named_and_fails_the_demonstration(
    capsys: pytest.CaptureFixture[str],
) -> None:
    chosen = cast.choose(30)

    code = await show.run(cast=_Misremembered(chosen.conversations, chosen.longest))

    said = capsys.readouterr().out.splitlines()
    ending = said[said.index(next(line for line in said if "checks failed in" in line)) :]
    assert code == 1
    assert ending[0].startswith("5 checks failed in ")
    assert ending[1:] == [
        "   these are the messages before and after it, oldest first, verbatim",
        "   these are the newest four messages, newest first, verbatim",
        "   2,895 of 2,895 messages, each once and verbatim",
        "   the message is complete",
        "   the message was sent twice and exists once",
    ]


async def test_a_server_that_does_not_start_fails_the_demonstration(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = await show.run(cast=cast.choose(30), python="/nonexistent/python")

    said = capsys.readouterr().out
    assert code == 1
    assert "✗ the demo completes (FileNotFoundError: " in said
    assert "\n1 check failed in " in said
