"""What other programs recorded is imported from wherever it is, and everything is counted."""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from backscroll.commands.transfer.formats.entries import FromProgram, ImportEntry, ImportFile
from backscroll.commands.transfer.importing import import_sources
from backscroll.commands.transfer.left_out import LeftOut
from backscroll.commands.transfer.recorded import Recorded
from backscroll.history.conversation import SourceConversation, SourceItem
from backscroll.history.formats.registry import MODULES
from backscroll.history.sources.known import SOURCES
from backscroll.history.streamed_items import StreamedItems
from backscroll.store.archive.records import ImportKind
from tests.history.archives import encrypted, zipped
from tests.server.command_line import backscroll, read_lines

FINE_TUNING = [
    {
        "messages": [
            {"role": "user", "content": f"Question {n}"},
            {"role": "assistant", "content": f"Answer {n}", "weight": 1},
        ]
    }
    for n in range(3)
]
LINES = "".join(f"{json.dumps(line)}\n" for line in FINE_TUNING).encode()
OWN = b'{"id": "thread_1", "created_at": 5, "messages": [{"role": "user", "content": "Hi"}]}\n'
HELP = "run backscroll import --help for the formats"


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'x.db'}"


def imported(
    database: str, *paths: Path | str, flags: tuple[str, ...] = (), stdin: bytes = b""
) -> tuple[int, list[str], list[str]]:
    """Import, and return the exit code, and the lines of stdout and stderr."""
    result = backscroll(database, "import", *map(str, paths), *flags, stdin=stdin)
    return result.exit_code, result.stdout.splitlines(), result.stderr.splitlines()


def written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_an_export_is_imported_as_it_was_downloaded_and_counted_by_source(
    database: str, tmp_path: Path
) -> None:
    inner = zipped({"more.jsonl": LINES.replace(b"Question", b"Query") + b"torn\n"})
    files = {"a.jsonl": LINES, "part.zip": inner, "own.jsonl": OWN, "chat.html": b"<html>"}
    export = written(tmp_path / "export.zip", zipped(files))

    assert imported(database, export) == (
        1,
        [
            "source       read  imported  updated  already there  forgotten  refused",
            "backscroll      1         1        0              0          0        0",
            "fine-tuning     7         6        0              0          0        1",
            "7 imported, 0 already there, 1 refused",
        ],
        [
            f"backscroll: {export}/part.zip/more.jsonl: line 4: is not valid JSON",
            (
                f"backscroll: {export}: 1 file was left out, because its format is not known: "
                "chat.html is an HTML page"
            ),
        ],
    )
    assert imported(database, export)[1][-1] == "0 imported, 7 already there, 1 refused"


def test_a_chatgpt_export_is_imported_without_a_word_about_its_other_files(
    database: str, tmp_path: Path
) -> None:
    message = {"id": "a", "author": {"role": "user"}, "content": {"parts": ["Tea?"]}}
    chat = {"id": "c", "mapping": {"a": {"id": "a", "parent": None, "message": message}}}
    shell = {"conversation_id": "s", "create_time": 1, "title": "Shell"}
    image = b"\x89PNG\r\n"
    files = {
        "conversations.json": json.dumps([shell, chat]).encode(),
        "chat.html": b"<html>",
        "user.json": b'{"id": "u"}',
        "message_feedback.json": b'[{"id": "f", "rating": "up"}]',
        "shared_conversations.json": b'[{"id": "x", "conversation_id": "c", "title": "T"}]',
        "export_manifest.json": b'{"files": []}',
        "file-Ab1-tea.dat": image,
        "dalle-generations/tea.webp": b"RIFF0000WEBP",
        "notes.docx": image,
    }
    export = written(tmp_path / "export.zip", zipped(files))

    code, lines, errors = imported(database, export)
    assert (code, lines[-2:]) == (
        0,
        [
            "1 imported, 0 already there, 0 refused",
            "1 without messages: if the exporting program shows some, request a new export",
        ],
    )
    assert errors == [
        (
            f"backscroll: {export}: 1 file was left out, because its format is not known: "
            "notes.docx is a PNG image"
        )
    ]


def test_conversations_keep_where_they_are_from(database: str, tmp_path: Path) -> None:
    imported(database, written(tmp_path / "x.jsonl", LINES), flags=("--limit", "1"))

    first = read_lines(backscroll(database, "export").stdout)[0]
    assert first["key"] == f"fine-tuning:{first['metadata']['source_id']}"
    assert first["metadata"]["source"] == "fine-tuning"
    assert [item["content"][0]["text"] for item in first["items"]] == ["Question 0", "Answer 0"]


def test_stdin_is_recognised_like_a_file(database: str) -> None:
    for content, total in ((LINES, 3), (zipped({"x.jsonl": LINES}), 0), (OWN, 1)):
        code, lines, errors = imported(database, "-", stdin=content)
        assert (code, errors) == (0, [])
        assert lines[-1].startswith(f"{total} imported")
    assert imported(database, "-", stdin=b"\x89PNG\r\n") == (
        1,
        ["0 imported, 0 already there, 1 refused"],
        [f"backscroll: stdin: is not in a known format: it is a PNG image; {HELP}"],
    )


def test_what_is_not_recognised_gets_one_sentence(database: str, tmp_path: Path) -> None:
    lines = written(tmp_path / "x.jsonl", b'{"a": 1}\n{"b": 2}\n' * 20)
    folder = written(tmp_path / "folder" / "a.png", b"\x89PNG\r\n").parent
    locked = written(tmp_path / "locked.zip", encrypted(zipped({"a.jsonl": LINES})))
    (tmp_path / "empty").mkdir()
    words = "JSON Lines whose objects have the fields a, b"
    password = "is encrypted: unpack it with its password, and import its content"

    assert imported(database, lines, folder, locked, tmp_path / "empty")[2] == [
        f"backscroll: {lines}: is not in a known format: it is {words}; {HELP}",
        f"backscroll: {folder}: has no file in a known format: a.png is a PNG image; {HELP}",
        f"backscroll: {locked}: {password}",
        f"backscroll: {tmp_path / 'empty'}: has no files; {HELP}",
    ]


def test_a_format_can_be_named(database: str, tmp_path: Path) -> None:
    plain = LINES.replace(b', "weight": 1', b"")
    file = written(tmp_path / "x.jsonl", plain)

    assert imported(database, file)[1] == ["3 imported, 0 already there, 0 refused"]
    assert imported(database, file, flags=("--format", "fine-tuning"))[1][1].split() == [
        "fine-tuning", "3", "3", "0", "0", "0", "0",
    ]  # fmt: skip


def test_secrets_are_replaced_on_request(database: str, tmp_path: Path) -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    file = written(tmp_path / "x.jsonl", LINES.replace(b"Question 0", secret.encode()))

    printed = imported(database, file, flags=("--redact",))[1]
    assert printed[-1] == "1 secret replaced: github token (1)"
    assert secret not in backscroll(database, "export").stdout
    assert imported(database, file, flags=("--no-redact",))[0] == 0


def test_an_import_replaces_the_secrets_that_a_sync_replaces(database: str, tmp_path: Path) -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    with closing(sqlite3.connect(tmp_path / "logs.db")) as logs, logs:
        logs.execute("CREATE TABLE conversations (id TEXT PRIMARY KEY, name TEXT, model TEXT)")
        logs.execute(
            "CREATE TABLE responses (id TEXT, model TEXT, prompt TEXT, system TEXT, response TEXT,"
            " conversation_id TEXT, datetime_utc TEXT)"
        )
        logs.execute("INSERT INTO conversations VALUES ('c1', 'Deploy', 'gpt')")
        logs.execute(
            "INSERT INTO responses VALUES ('r1', 'gpt', ?, NULL, 'Done', 'c1', '2024-05-01T10:00')",
            (f"deploy with {secret}",),
        )

    first, second = (imported(database, tmp_path / "logs.db")[1][-1] for _ in range(2))
    assert first == "1 secret replaced: github token (1)"
    assert second == "0 imported, 1 already there, 0 refused"
    assert secret not in backscroll(database, "export").stdout


@pytest.mark.parametrize("name", MODULES)
def test_the_formats_that_sync_reads_are_redacted_unless_it_is_refused(name: str) -> None:
    is_source = name in {source.name for source in SOURCES}

    assert Recorded().replaces_secrets(name) == is_source
    assert Recorded(redacts=True).replaces_secrets(name)
    assert not Recorded(redacts=False).replaces_secrets(name)


def test_a_limit_ends_the_import(database: str, tmp_path: Path) -> None:
    file = written(tmp_path / "x.jsonl", LINES)

    assert imported(database, file, file, flags=("--limit", "2"))[1][-1] == (
        "2 imported, 0 already there, 0 refused"
    )


def test_files_that_look_alike_are_named_once_and_the_rarest_first() -> None:
    files = LeftOut()
    for number in range(1_200):
        files.add(f"{number}.png", "a PNG image")
    files.add("users.json", "a JSON array")
    files.add("a.html", "an HTML page")
    files.add("b.html", "an HTML page")

    assert len(files) == 1_203
    assert str(files) == (
        "users.json is a JSON array; a.html is an HTML page, as is 1 more; "
        "0.png is a PNG image, as are 1,199 more"
    )
    files.add("c", "text")
    assert str(files) == (
        "users.json is a JSON array; c is text; a.html is an HTML page, as is 1 more; …"
    )


async def test_a_conversation_that_is_too_long_for_memory_is_imported_in_parts(
    tmp_path: Path,
) -> None:
    database = f"sqlite:///{tmp_path / 'x.db'}"
    said: list[str] = []

    def items(last: int) -> Iterator[SourceItem]:
        for number in range(last):
            if number == 1_200:
                raise OSError(5, "Input/output error")
            item = {"type": "message", "role": "user", "content": f"{number}\0"}
            yield SourceItem(key=str(number), item=item)

    async def imported(last: int) -> tuple[Counter[ImportKind], list[str]]:
        conversation = SourceConversation(
            source="codex", id="s1", items=StreamedItems(lambda: items(last)), created_at=5
        )
        item = FromProgram(conversation, redacts=False)
        file = ImportFile("x", iter([ImportEntry("conversation s1", item, 1)]), 1, "codex")
        said.clear()
        tally = await import_sources(database, [file], said.append)
        return tally.by_source["codex"], [*said]

    changed = "x: 1,100 characters that cannot be stored became U+FFFD"
    assert await imported(1_100) == ({"imported": 1}, [changed])
    assert (await imported(1_100))[0] == {"present": 1}
    assert (await imported(1_150))[0] == {"updated": 1}
    assert await imported(1_300) == (
        {"refused": 1},
        ["x: conversation s1: cannot be read: Input/output error"],
    )
    exported = await asyncio.to_thread(backscroll, database, "export")
    (found,) = read_lines(exported.stdout)
    assert [item["content"][0]["text"] for item in found["items"]] == [
        f"{number}\ufffd" for number in range(1_150)
    ]
