"""`backscroll call`: a tool call from the shell."""

import json
import re
from pathlib import Path

import pytest

from tests.inventory import NAMES, READERS
from tests.server.command_line import backscroll, write_lines

HOSTILE = "\x1b[31mred\x1b[0m \u202egnp.exe \x9b0m \r\n\ttab"
THREAD = {
    "object": "thread",
    "id": "thread_one",
    "created_at": 1_700_000_000,
    "messages": [
        {"id": "msg_1", "role": "user", "content": "Hello", "created_at": 1_700_000_001},
        {"id": "msg_2", "role": "assistant", "content": HOSTILE, "created_at": 1_700_000_002},
    ],
}


@pytest.fixture
def database(tmp_path: Path) -> str:
    database = f"sqlite:///{tmp_path / 'x.db'}"
    file = write_lines(tmp_path / "x.jsonl", [THREAD])
    assert backscroll(database, "import", str(file)).stdout == (
        "1 imported, 0 already there, 0 refused\n"
    )
    return database


def test_in_a_pipe_the_text_is_verbatim(database: str) -> None:
    result = backscroll(database, "call", "list-messages", "thread_id=thread_one", "order=asc")

    mark = result.stdout_bytes[:2].decode()
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout_bytes.decode() == (
        f"{mark} 2 messages, oldest first. No more follow.\n"
        f"{mark} user msg_1 2023-11-14 22:13 UTC\n"
        "Hello\n"
        f"{mark} assistant msg_2\n"
        f"{HOSTILE}\n"
    )


def test_json_is_the_structured_content_indented(database: str) -> None:
    result = backscroll(
        database, "call", "list-messages", "thread_id=thread_one", "limit=1", "--json"
    )

    found = json.loads(result.stdout)
    cursor = found["page"].pop("next_cursor")
    assert result.stdout.startswith('{\n  "page": {\n')
    assert found == {
        "page": {"returned": 1, "has_more": True, "stopped_by": "limit", "order": "desc"},
        "messages": [
            {"id": "msg_2", "role": "assistant", "created_at": 1_700_000_002, "text": HOSTILE}
        ],
    }
    rest = backscroll(
        database, "call", "list-messages", "thread_id=thread_one", f"cursor={cursor}", "--json"
    )
    assert [message["text"] for message in json.loads(rest.stdout)["messages"]] == ["Hello"]


@pytest.mark.parametrize(
    ("output", "flags", "start"),
    [("text", ["--json"], r"\{"), ("structured", [], r"[A-Z]{2} ")],
)
def test_what_is_asked_for_is_sent_whatever_the_output_setting(
    database: str, output: str, flags: list[str], start: str
) -> None:
    result = backscroll(database, "call", "list-threads", *flags, "--output", output)

    assert result.exit_code == 0
    assert re.match(start, result.stdout)


def test_values_are_typed_by_the_tool_and_text_stays_text(database: str) -> None:
    created = backscroll(
        database,
        "call",
        "create-message",
        "thread_id=thread_one",
        "role=user",
        "content=20",
        "metadata={'a': 1}".replace("'", '"').replace("1", '"1"'),
        'attachments:=[{"file_id": "file-1", "tools": []}]',
        "--json",
    )
    read = backscroll(
        database, "call", "list-messages", "thread_id=thread_one", "limit=1", "--json"
    )

    (message,) = json.loads(read.stdout)["messages"]
    written = json.loads(created.stdout)["message"]
    assert message == {
        **written,
        "text": "20",
        "metadata": {"a": "1"},
        "attachments": [{"file_id": "file-1", "tools": []}],
    }


def test_a_tool_error_goes_to_stderr_and_ends_with_1(database: str) -> None:
    result = backscroll(database, "call", "list-messages", "thread_id=thread_one", "limit=many")

    assert (result.exit_code, result.stdout, result.stderr) == (
        1,
        "",
        (
            'invalid_arguments: limit must be an integer, not the string "many".\n'
            "Next: Fix the call. list-messages takes thread_id, limit, order, after, before, "
            "around, run_id, cursor, preview_chars, items.\n"
            "Retry: safe once the arguments are corrected; nothing was read or written.\n"
        ),
    )


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["limit"], "'limit' is not an argument: write name=value or name:=JSON"),
        (["limit:=many"], "limit:= needs JSON: Expecting value"),
        (["limit:=NaN"], "limit:= needs JSON: NaN is not JSON"),
        (["limit=1", "limit=2"], "limit is given twice"),
    ],
)
def test_a_word_that_is_no_argument_is_misuse(database: str, words: list[str], line: str) -> None:
    result = backscroll(database, "call", "list-threads", *words)

    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"backscroll: {line}\n")


def test_an_unknown_tool_is_misuse_and_the_tools_are_named(database: str) -> None:
    result = backscroll(database, "call", "list-all")

    assert (result.exit_code, result.stdout, result.stderr) == (
        2,
        "",
        (f"backscroll: Unknown tool: list-all. The tools are: {', '.join(NAMES)}.\n"),
    )


@pytest.mark.parametrize("name", ["list_threads", "listThreads", "list-thread", "LIST-THREADS"])
def test_a_name_that_is_nearly_a_tools_is_answered_with_that_tool(database: str, name: str) -> None:
    result = backscroll(database, "call", name)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(
        f"backscroll: Unknown tool: {name}. Did you mean list-threads? The tools are: "
    )


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["list-threads", "--limit", "3"], "write limit=3"),
        (["list-threads", "--limit=3"], "write limit=3"),
        (["--limit", "3", "list-threads"], "write limit=3"),
        (["list-messages", "--thread-id", "t"], "write thread_id=t"),
        (["list-threads", "--limit"], "write limit=VALUE"),
        (["list-threads", "-n", "3"], "write NAME=VALUE"),
    ],
)
def test_a_tools_argument_written_as_an_option_is_answered_with_its_form(
    database: str, words: list[str], hint: str
) -> None:
    result = backscroll(database, "call", *words)

    assert (result.exit_code, result.stdout) == (2, "")
    assert f" A tool's arguments are not options: {hint}.\n" in result.stderr


def test_a_key_that_was_used_with_another_message_is_answered_without_contradiction(
    database: str,
) -> None:
    write = ("call", "create-message", "role=user", "idempotency_key=k")
    backscroll(database, *write, "content=x")
    refused = backscroll(database, *write, "content=y")
    missing = backscroll(
        database, *write[:3], "idempotency_key=other", "thread_id=thread_x", "content=y"
    )

    assert refused.stderr == (
        "invalid_arguments: This Idempotency-Key was already used with a different request. "
        "Use a new key.\n"
        "Next: To write this message, call without idempotency_key.\n"
        "Retry: safe without this idempotency_key; this call wrote nothing.\n"
    )
    assert missing.stderr.endswith(
        "Retry: safe, but pointless until the ids are corrected; this call wrote nothing.\n"
    )


def test_without_a_tool_the_tools_are_listed_with_their_arguments(tmp_path: Path) -> None:
    result = backscroll(f"sqlite:///{tmp_path / 'x.db'}", "call", "--read-only")

    headed = [line for line in result.stdout.splitlines() if line and line[0] != " "]
    assert result.exit_code == 0
    assert headed == READERS
    assert (
        "\n    limit=N  (1 to 500; default 20)\n    order=asc|desc  (Default desc)\n"
        in result.stdout
    )
    assert "\n    thread_id=TEXT  (required)\n" in result.stdout
    assert "\n    metadata:=JSON  (Only with these pairs)\n" in result.stdout
    assert not (tmp_path / "x.db").exists()
