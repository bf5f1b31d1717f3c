"""`backscroll search`: the tool search-messages, for a person."""

import json
from pathlib import Path

import pytest

from tests.server.command_line import at_terminal, backscroll, write_lines

HOSTILE = "\x1b[31mThe moose\x1b[0m is red"
THREAD = {
    "object": "thread",
    "id": "thread_one",
    "created_at": 1_700_000_000,
    "metadata": {"title": "The zoo"},
    "messages": [
        {"id": "msg_1", "role": "user", "content": "Who is red?", "created_at": 1_700_000_001},
        {"id": "msg_2", "role": "assistant", "content": HOSTILE, "created_at": 1_700_000_002},
        {"id": "msg_3", "role": "user", "content": "I see.\nSure?", "created_at": 1_700_000_003},
    ],
}


@pytest.fixture
def database(tmp_path: Path) -> str:
    database = f"sqlite:///{tmp_path / 'x.db'}"
    file = write_lines(tmp_path / "x.jsonl", [THREAD])
    assert backscroll(database, "import", str(file)).exit_code == 0
    return database


def test_in_a_pipe_hits_are_verbatim_with_marks_around_matches(database: str) -> None:
    result = backscroll(database, "search", "the", "moose", "--context", "1")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "2023-11-14 22:13  assistant  The zoo  thread_one msg_2\n"
        "  user: Who is red?\n"
        "  assistant: \x1b[31mThe **moose**\x1b[0m is red\n"
        "  user: I see.\n"
        "  Sure?\n"
        "\n"
        "1 hit for all words.\n"
    )


def test_at_a_terminal_matches_are_in_colour_and_controls_are_escaped(database: str) -> None:
    coloured = at_terminal(database, "search", "moose").decode()
    plain = at_terminal(database, "search", "moose", environ={"NO_COLOR": "1"}).decode()

    assert "\\u001b[31mThe \x1b[0m\x1b[31m\x1b[1mmoose\x1b[0m" in coloured
    assert "\\u001b[31mThe **moose**\\u001b[0m is red" in plain
    assert "\x1b" not in plain


def test_json_is_what_the_tool_returns(database: str) -> None:
    result = backscroll(
        database, "search", "red", "--thread", "thread_one", "--role", "user", "--json"
    )

    found = json.loads(result.stdout)
    assert [hit["id"] for hit in found["hits"]] == ["msg_1"]
    assert found["page"]["matched"] == "all words"


def test_more_hits_and_their_order_are_said(database: str) -> None:
    result = backscroll(database, "search", "red sure", "--limit", "1", "--order", "oldest")

    assert result.stdout == (
        "2023-11-14 22:13  user  The zoo  thread_one msg_1\n"
        "  Who is **red**?\n"
        "\n"
        "1 hit for any word; there are more: raise --limit, or narrow the search.\n"
    )


def test_the_last_line_says_how_many_hits_a_literal_has(database: str) -> None:
    one = backscroll(database, "search", '"is red"', "--role", "assistant")
    none = backscroll(database, "search", '"is blue"')

    assert one.stdout.endswith("\n1 hit for the literal.\n")
    assert none.stdout == "0 hits.\n"


def test_a_search_that_fails_says_what_to_change(database: str) -> None:
    result = backscroll(database, "search", "moose", "--limit", "51")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("invalid_arguments: limit must be from 1 to 50, not 51.")


def test_a_word_that_looks_like_an_option_is_shown_after_two_hyphens(database: str) -> None:
    refused = backscroll(database, "search", "red", "-sure")
    accepted = backscroll(database, "search", "--", "red", "-sure")

    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.endswith(
        "Error: No such option '-s'. To leave out messages that have a word, write -- between the "
        "options and the query: backscroll search -- refund -draft\n"
    )
    assert accepted.stdout.endswith("1 hit for all words.\n")
    assert "msg_2" in accepted.stdout


def test_a_misspelt_option_is_not_taken_for_a_word(database: str) -> None:
    refused = backscroll(database, "search", "red", "--limits", "3")

    assert refused.exit_code == 2
    assert refused.stderr.endswith("No such option '--limits'. Did you mean '--limit'?\n")
