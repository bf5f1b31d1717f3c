"""The start of a file is enough to recognise its format, or to say what it looks like."""

import json
import sqlite3
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest

from backscroll.history.files.described import described
from backscroll.history.files.sample import Sample
from backscroll.history.files.sampling import FIRST_BYTES, samples
from backscroll.history.source_file import SourceFile
from backscroll.store.envelopes import JSON


def sampled(content: bytes, name: str = "x") -> list[Sample]:
    return list(samples(SourceFile(f"a.zip/{name}", lambda: BytesIO(content))))


def seen(content: bytes, name: str = "x") -> list[tuple[str, list[JSON]]]:
    """Return the kind and the records of each sample."""
    return [
        (each.kind, [dict(record) for record in each.records]) for each in sampled(content, name)
    ]


def test_lines_arrays_and_documents_are_told_apart() -> None:
    assert seen(b'\xef\xbb\xbf{"a": 1}\n\n7\n{"b": 2}\n') == [("lines", [{"a": 1}, {"b": 2}])]
    assert seen(b'[{"a": 1},\n{"b": 2}]') == [("array", [{"a": 1}, {"b": 2}])]
    assert seen(b'{\n"a": {"b": [1]}\n}') == [("object", [{"a": {"b": [1]}}])]
    assert seen(b"<html>") == [("text", [])]
    assert seen(b"\x89PNG\r\n") == [("other", [])]


def test_one_object_on_one_line_is_a_document_and_a_line_by_its_name() -> None:
    line = b'{"a": 1}\n'

    assert seen(line, "x.json") == [("object", [{"a": 1}]), ("lines", [{"a": 1}])]
    assert seen(line, "x.JSONL") == [("lines", [{"a": 1}]), ("object", [{"a": 1}])]


def test_a_torn_first_line_hides_no_other() -> None:
    assert seen(b'{"a": \n{"b": 2}\n', "x.jsonl")[0] == ("lines", [{"b": 2}])


def test_a_record_that_is_cut_off_has_what_was_read_and_later_more() -> None:
    record = {"a": 1, "long": "x" * FIRST_BYTES, "late": {"b": 2}}
    content = json.dumps([record, record]).encode()

    first, second = sampled(content)

    assert list(first.records) == [{"a": 1}]
    assert list(second.records) == [record, record]
    assert len(first.start) == 65_536


def test_a_database_is_sampled_while_its_program_writes(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as owner:
        owner.execute("CREATE TABLE sessions (id)")
        owner.execute("BEGIN EXCLUSIVE")
        (sample,) = samples(SourceFile(str(path), lambda: path.open("rb"), path))
        owner.execute("INSERT INTO sessions VALUES (1)")
        owner.execute("COMMIT")

    assert sample.kind == "sqlite"
    assert sample.tables == {"sessions"}


def test_tables_that_are_only_in_the_write_ahead_log_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as owner:
        owner.execute("PRAGMA journal_mode = wal")
        owner.execute("CREATE TABLE sessions (id)")
        (sample,) = samples(SourceFile(str(path), lambda: path.open("rb"), path))

    assert sample.tables == {"sessions"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"<!DOCTYPE html>\n<p>", "an HTML page"),
        (b"a;b;c\n", "text"),
        (b"\0\1\2\xff", "a binary file"),
        ('{"a": 1}'.encode("utf-16"), "text in UTF-16, which you can save as UTF-8"),
        (
            b'{"a": 1, "b": 2}\n{"c": 3}\n',
            "JSON Lines whose objects have the fields a, b, c",
        ),
        (
            json.dumps([dict.fromkeys("abcdefgh", 1)]).encode(),
            "a JSON array whose objects have the fields a, b, c, d, e, f and 2 more",
        ),
        (b'{"' + b"n" * 50 + b'": 1}', f"a JSON object with the fields {'n' * 40}…"),
        (b"[1, 2]", "JSON without objects"),
        (b"SQLite format 3\0", "an SQLite database that is empty, damaged or encrypted"),
    ],
)
def test_what_is_not_recognised_is_described(content: bytes, words: str) -> None:
    assert described(sampled(content)[0]) == words
