"""`backscroll demo` says so if a check fails; tests/house/test_package.py has it pass."""

import pytest

from backscroll.commands.demo import cast, show


@pytest.fixture(scope="module")
def chosen() -> cast.Cast:
    """A few conversations; to find the longest of the dataset takes seconds."""
    return cast.choose(30)


class _Misremembered(cast.Cast, frozen=True):
    """A cast whose words are not those that were loaded."""

    def texts(self, uuid: str) -> list[str]:
        return [f"{text}?" for text in super().texts(uuid)]


async def test_in_a_pipe_a_check_that_does_not_hold_is_named_and_fails_the_demonstration(
    chosen: cast.Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    code = await show.run(cast=_Misremembered(chosen.conversations, chosen.longest))

    shown = capsys.readouterr()
    said = shown.out.splitlines()
    assert shown.err == ""
    assert [line for line in said if len(line) > 80 or "\x1b" in line] == []
    assert 60 <= len(said) <= 180
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
    chosen: cast.Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    code = await show.run(cast=chosen, python="/nonexistent/python")

    said = capsys.readouterr().out
    assert code == 1
    assert "✗ the demo completes (FileNotFoundError: " in said
    assert "\n1 check failed in " in said
