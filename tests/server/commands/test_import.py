"""`backscroll import` and `backscroll export`: conversations in, and the same ones out."""

import asyncio
import gzip
import json
import os
import stat
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.postgres import PostgresServer
from tests.server.command_line import backscroll, read_lines, write_lines

THREAD: dict[str, Any] = {
    "object": "thread",
    "id": "thread_one",
    "created_at": 1_700_000_000,
    "metadata": {"topic": "greeting"},
    "messages": [
        {"id": "msg_1", "role": "user", "created_at": 1_700_000_001, "content": "Hello"},
        {
            "id": "msg_2",
            "role": "assistant",
            "created_at": 1_700_000_002,
            "content": [
                {"type": "text", "text": {"value": "Hi", "annotations": [{"type": "x"}]}},
                {"type": "image_file", "image_file": {"file_id": "file-1"}},
            ],
            "attachments": [{"file_id": "file-2", "tools": [{"type": "file_search"}]}],
            "metadata": {"mood": "good"},
            "run_id": "run_1",
            "assistant_id": "asst_1",
            "status": "incomplete",
            "incomplete_at": 1_700_000_003,
            "incomplete_details": {"reason": "max_tokens"},
        },
    ],
}
COMPLETION: dict[str, Any] = {
    "object": "chat.completion",
    "id": "chatcmpl-1",
    "created": 1_700_000_000,
    "model": "gpt",
    "metadata": {"topic": "greeting"},
    "usage": {"total_tokens": 5},
    "choices": [
        {"index": 0, "message": {"content": "Yo", "role": "assistant"}, "finish_reason": "stop"}
    ],
    "messages": [{"role": "user", "content": "hey", "name": "Ann"}],
}
RESPONSE: dict[str, Any] = {
    "object": "response",
    "id": "resp_1",
    "created_at": 1_700_000_000,
    "metadata": {"topic": "greeting"},
    "model": "gpt",
    "previous_response_id": "resp_0",
    "not invented yet": None,
    "output": [
        {
            "id": "msg_4",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Yo", "annotations": []}],
        }
    ],
    "input_items": [
        {
            "id": "msg_3",
            "type": "message",
            "role": "user",
            "status": "completed",
            "content": [{"type": "input_text", "text": "hey"}],
        }
    ],
}


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'x.db'}"


def imported(database: str, *paths: Path, flags: tuple[str, ...] = ()) -> tuple[int, str, str]:
    """Import, and return the exit code, stdout and stderr."""
    result = backscroll(database, "import", *map(str, paths), *flags)
    return result.exit_code, result.stdout, result.stderr


def exported(database: str) -> list[dict[str, Any]]:
    """Return the lines of the export."""
    result = backscroll(database, "export")
    assert (result.exit_code, result.stderr) == (0, "")
    return read_lines(result.stdout)


def called(database: str, tool: str, *words: str) -> dict[str, Any]:
    """Return the structured content of a tool call."""
    found: dict[str, Any] = json.loads(backscroll(database, "call", tool, *words, "--json").stdout)
    return found


def test_everything_in_a_line_comes_out_as_it_went_in(database: str, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "x.jsonl", [THREAD, COMPLETION, RESPONSE])

    assert imported(database, file) == (0, "3 imported, 0 already there, 0 refused\n", "")
    assert exported(database) == [THREAD, COMPLETION, RESPONSE]


def test_agents_read_what_was_imported(database: str, tmp_path: Path) -> None:
    imported(database, write_lines(tmp_path / "x.jsonl", [THREAD, COMPLETION]))

    messages = called(database, "list-messages", "thread_id=thread_one", "order=asc")["messages"]
    chat = called(database, "get-chat-messages", "completion_id=chatcmpl-1")["messages"]
    assert [(message["id"], message["text"]) for message in messages] == [
        ("msg_1", "Hello"),
        ("msg_2", "Hi"),
    ]
    assert [(message["role"], message["text"]) for message in chat] == [
        ("user", "hey"),
        ("assistant", "Yo"),
    ]


def test_twice_imports_nothing_twice(database: str, tmp_path: Path) -> None:
    nameless = {"messages": [{"role": "user", "content": "Hello"}]}
    reordered = '{ "messages" : [ { "content": "Hello", "role": "user" } ] }'
    other = {"messages": [{"role": "user", "content": "Hello."}]}
    asked = {name: value for name, value in RESPONSE.items() if name not in {"id", "input_items"}}
    asked["input"] = "hey"
    file = write_lines(tmp_path / "x.jsonl", [THREAD, COMPLETION, nameless, other, asked])
    again = write_lines(tmp_path / "y.jsonl", [reordered])

    assert imported(database, file) == (0, "5 imported, 0 already there, 0 refused\n", "")
    lines = exported(database)
    assert imported(database, file) == (0, "0 imported, 5 already there, 0 refused\n", "")
    assert imported(database, again) == (0, "0 imported, 1 already there, 0 refused\n", "")
    assert exported(database) == lines


def test_an_export_imported_elsewhere_is_known_there_by_its_first_name(
    database: str, tmp_path: Path
) -> None:
    nameless = write_lines(
        tmp_path / "x.jsonl", [{"messages": [{"role": "user", "content": "Hello"}]}]
    )
    elsewhere = f"sqlite:///{tmp_path / 'y.db'}"
    imported(database, nameless)
    backup = tmp_path / "backup.jsonl"

    result = backscroll(database, "export", str(backup))

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"1 exported to {backup}\n"
    assert imported(elsewhere, backup) == (0, "1 imported, 0 already there, 0 refused\n", "")
    assert exported(elsewhere) == exported(database) == read_lines(backup.read_text())
    for file in (nameless, backup):
        assert imported(elsewhere, file) == (0, "0 imported, 1 already there, 0 refused\n", "")


def test_an_export_has_the_times_and_keys_of_items_by_which_imports_recognise_them(
    database: str, tmp_path: Path
) -> None:
    items = [
        {"role": "user", "content": f"{name}!", "created_at": at, "import_key": name}
        for name, at in (("one", "2024-05-01T10:00:00Z"), ("two", 1_714_557_601), ("three", None))
    ]
    line = {"key": "chatgpt:1", "created_at": 5, "metadata": {"title": "T"}, "items": items}
    elsewhere = f"sqlite:///{tmp_path / 'y.db'}"
    backup = tmp_path / "backup.jsonl"
    imported(database, write_lines(tmp_path / "x.jsonl", [line]))
    [before] = exported(database)
    assert [(each["import_key"], each.get("created_at")) for each in before["items"]] == [
        ("one", 1_714_557_600),
        ("two", 1_714_557_601),
        ("three", None),
    ]
    assert backscroll(database, "export", str(backup)).exit_code == 0
    assert imported(elsewhere, backup) == (0, "1 imported, 0 already there, 0 refused\n", "")
    assert exported(elsewhere) == [before]
    shorter = write_lines(tmp_path / "z.jsonl", [{**line, "items": items[1:]}])
    for store in (database, elsewhere):
        said = imported(store, shorter)
        assert said == (0, "0 imported, 1 already there, 0 refused\n", "")
    later = {"role": "user", "content": "four!", "created_at": 1_714_557_602, "import_key": "four"}
    grown = write_lines(tmp_path / "z.jsonl", [{**line, "items": [*items[1:], later]}])
    for store in (database, elsewhere):
        said = imported(store, grown)
        assert said == (0, "0 imported, 1 updated, 0 already there, 0 refused\n", "")
    assert exported(elsewhere)[0]["items"][:-1] == before["items"][1:]


def test_bad_lines_are_refused_by_number_and_good_ones_kept(database: str, tmp_path: Path) -> None:
    file = write_lines(
        tmp_path / "x.jsonl",
        [
            THREAD,
            "not JSON",
            "",
            {"object": "thread", "messages": [{"role": "user"}]},
            b'{"messages": [{"role": "user", "content": "\xff"}]}',
            COMPLETION,
        ],
    )

    assert imported(database, file) == (
        1,
        "2 imported, 0 already there, 3 refused\n",
        (
            f"backscroll: {file}: line 2: is not a valid JSON object: Expecting value\n"
            f"backscroll: {file}: line 4: messages[0].content is missing\n"
            f"backscroll: {file}: line 5: is not a valid JSON object: it is not UTF-8\n"
        ),
    )
    assert exported(database) == [THREAD, COMPLETION]


def test_what_the_store_refuses_is_refused_by_number(database: str, tmp_path: Path) -> None:
    twins = [{"id": "msg_1", "role": "user", "content": text} for text in "ab"]
    lines = [{"id": "thread_two", "messages": twins}, {"id": "conv_1", "messages": []}, THREAD]
    file = write_lines(tmp_path / "x.jsonl", lines)

    code, said, refused = imported(database, file)

    assert (code, said) == (1, "1 imported, 0 already there, 2 refused\n")
    assert [line.partition(f"{file}: ")[2].partition(":")[0] for line in refused.splitlines()] == [
        "line 1",
        "line 2",
    ]
    assert exported(database) == [THREAD]


def test_stdin_is_read_for_a_dash(database: str) -> None:
    result = backscroll(database, "import", "-", stdin=json.dumps(THREAD).encode())

    assert (result.exit_code, result.stdout) == (0, "1 imported, 0 already there, 0 refused\n")
    assert exported(database) == [THREAD]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(THREAD).encode(),
        json.dumps([THREAD], indent=2).encode(),
        gzip.compress(json.dumps(THREAD).encode()),
        json.dumps({str(UUID(int=1)): {"messages": [], "start": "2018-05-02"}}).encode(),
    ],
    ids=["lines", "document", "gzip", "chitchat"],
)
def test_a_pipe_is_read_from_its_first_byte(database: str, content: bytes) -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, content)
        os.close(writing)
        found = imported(database, Path(f"/dev/fd/{reading}"))
    finally:
        os.close(reading)

    assert found == (0, "1 imported, 0 already there, 0 refused\n", "")


def test_a_limit_counts_over_all_files(database: str, tmp_path: Path) -> None:
    first = write_lines(tmp_path / "x.jsonl", [THREAD])
    second = write_lines(tmp_path / "y.jsonl", [COMPLETION, {"messages": []}])

    assert imported(database, first, second, flags=("--limit", "2")) == (
        0,
        "2 imported, 0 already there, 0 refused\n",
        "",
    )
    assert exported(database) == [THREAD, COMPLETION]


def test_a_file_that_is_not_there_is_named(database: str, tmp_path: Path) -> None:
    missing = tmp_path / "missing.jsonl"

    assert imported(database, missing) == (
        2,
        "",
        f"backscroll: {missing} cannot be read: No such file or directory\n",
    )


def test_an_export_replaces_the_file_whole_and_is_for_its_owner_alone(
    database: str, tmp_path: Path
) -> None:
    imported(database, write_lines(tmp_path / "x.jsonl", [THREAD]))
    backup = tmp_path / "backup.jsonl"
    backup.write_text("before")

    result = backscroll(database, "export", str(backup))

    assert result.exit_code == 0
    assert read_lines(backup.read_text()) == [THREAD]
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir() if "backup" in path.name) == [
        "backup.jsonl"
    ]


def test_an_export_that_cannot_be_written_is_refused_in_one_line(
    database: str, tmp_path: Path
) -> None:
    path = tmp_path / "missing" / "backup.jsonl"

    result = backscroll(database, "export", str(path))

    assert (result.exit_code, result.stdout, result.stderr) == (
        2,
        "",
        f"backscroll: {path} cannot be written: No such file or directory\n",
    )


def test_import_and_export_work_on_one_partition(database: str, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "threads.jsonl", [THREAD])
    said = (0, "1 imported, 0 already there, 0 refused\n")
    assert imported(database, file)[:2] == said
    assert imported(database, file, flags=("--project", "proj_a"))[:2] == said
    assert imported(database, file, flags=("--project", "proj_a"))[0:2] == (
        0,
        "0 imported, 1 already there, 0 refused\n",
    )
    for flags, lines in (((), 1), (("--project", "proj_a"), 1), (("--project", "proj_b"), 0)):
        result = backscroll(database, "export", *flags)
        assert len(read_lines(result.stdout)) == lines


@pytest.mark.parametrize("flags", [(), ("--project", "proj_a")])
def test_what_a_file_of_sqlite_gives_out_a_postgresql_takes_in_and_gives_out_the_same(
    database: str, tmp_path: Path, flags: tuple[str, ...], postgres: PostgresServer
) -> None:
    file = write_lines(tmp_path / "all.jsonl", [THREAD, COMPLETION])
    imported(database, file, flags=flags)
    out = tmp_path / "out.jsonl"
    out.write_text(backscroll(database, "export", *flags).stdout)
    name = f"moved{len(flags)}"
    asyncio.run(create_database(postgres.url(), name))
    assert imported(postgres.url(name), out, flags=flags)[:2] == (
        0,
        "2 imported, 0 already there, 0 refused\n",
    )
    assert backscroll(postgres.url(name), "export", *flags).stdout == out.read_text()


async def create_database(url: str, name: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
