"""Files that are not plain JSON Lines: documents, compressed files, and what is neither."""

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from backscroll.commands.transfer.formats import documents
from backscroll.commands.transfer.formats.entries import ImportEntry, ImportFile, Refused
from backscroll.commands.transfer.importing import import_sources
from backscroll.history.files.disk_files import disk_file
from backscroll.store.archive.records import ImportedThread

THREAD = {"id": "thread_1", "messages": [{"role": "human", "content": "Hello"}]}
OTHER = {"messages": [{"role": "GPT", "content": "Hi"}, {"role": "gpt-4", "content": "Yo"}]}
MESSAGE = {"role": "user", "content": "Hello"}
BARE = 'has messages outside a conversation: wrap them in {"messages": […]}'
MISSING = "messages is missing"
LINES = "".join(f"{json.dumps(each)}\n" for each in (THREAD, OTHER)).encode()
TEXTS = (json.dumps(THREAD), f"\ufeff{json.dumps([THREAD], indent=2)}", f"\ufeff{LINES.decode()}")
HELP = "run backscroll import --help for the format"
SEVERAL = (
    "has more than one JSON document, with line breaks inside them: write each on one line, "
    f"or all in one array; {HELP}"
)
UNQUOTED = "is not a valid JSON object: Expecting property name enclosed in double quotes"
UTF_16 = f"is in UTF-16: save it as UTF-8; {HELP}"


def _read(content: bytes | BinaryIO) -> list[tuple[str, str]]:
    """Return each entry's position, and the reason or the roles."""
    found = documents.entries(io.BytesIO(content) if isinstance(content, bytes) else content)
    return [
        (entry.position, entry.item.reason)
        if isinstance(entry.item, Refused)
        else (entry.position, " ".join(message.role for message in entry.item.messages))
        for entry in found
        if isinstance(entry.item, ImportedThread | Refused)
    ]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_document_is_imported_like_lines(indent: int | None) -> None:
    array = json.dumps([THREAD, OTHER], indent=indent).encode()
    assert _read(array) == [("item 1", "user"), ("item 2", "assistant gpt-4")]
    one = json.dumps(THREAD, indent=indent).encode()
    assert [roles for _, roles in _read(b"\xef\xbb\xbf" + one)] == ["user"]
    assert _read(json.dumps([THREAD, 7], indent=indent).encode())[1] == (
        "item 2",
        "is not an object",
    )


def test_a_compressed_file_is_imported_and_a_damaged_one_as_far_as_it_goes(tmp_path: Path) -> None:
    def read(content: bytes) -> list[tuple[str, str]]:
        path = tmp_path / "x.jsonl.gz"
        path.write_bytes(content)
        return _read(disk_file(path).open())

    whole = gzip.compress(LINES)
    assert read(whole) == _read(LINES) == [("line 1", "user"), ("line 2", "assistant gpt-4")]
    assert read(whole[:-9])[-1] == (
        "the rest",
        "is damaged or incomplete: download or copy it again",
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (json.dumps([MESSAGE, MESSAGE], indent=2).encode(), f"{BARE}; {HELP}"),
        (json.dumps(MESSAGE).encode(), f"{BARE}; {HELP}"),
        (f"{json.dumps(THREAD, indent=2)}\n{json.dumps(OTHER, indent=2)}".encode(), SEVERAL),
        (f"[{json.dumps(THREAD)},\n{json.dumps(OTHER)}]\n".encode() * 2, SEVERAL),
        (b'{\n"messages": []}\n' + LINES, SEVERAL),
        (
            b'{\n"messages": [],\n"messages": []}',
            f"is not JSON Lines: none of its first 3 lines is a JSON object; {HELP}",
        ),
        *((text.encode(name), UTF_16) for text in TEXTS for name in ("utf-16-le", "utf-16-be")),
        (f"{json.dumps(MESSAGE)}\n".encode() * 2_000, f"{BARE}; {HELP}"),
        (b'{"a": "b"}\n', f"{MISSING}; {HELP}"),
        (b'{"a": "b"}', f"{MISSING}; {HELP}"),
        (b'"Hello"\n', f"is not a valid JSON object: it is not an object; {HELP}"),
        (b"Hello\n", f"is not a valid JSON object: Expecting value; {HELP}"),
        (b"{Hello", f"{UNQUOTED}; {HELP}"),
        (
            json.dumps([{"a": "b"}] * 1_000).encode(),
            f"is an array of 1000 items, and none can be imported; the first: {MISSING}; {HELP}",
        ),
        (
            json.dumps({"chats": [{"a": "b"}] * 1_000}, indent=2).encode(),
            f"messages is missing; {HELP}",
        ),
        (
            b"a;b;c\n" * 2_000,
            f"is not JSON Lines: none of its first 10 lines is a JSON object; {HELP}",
        ),
        (
            b"PK\x03\x04" + bytes(range(256)) * 2_000,
            f"is not JSON Lines: none of its first 10 lines is a JSON object; {HELP}",
        ),
        (
            b"[\n" * 50_000,
            f"is not JSON Lines: none of its first 10 lines is a JSON object; {HELP}",
        ),
    ],
)
def test_a_file_that_is_no_conversation_is_refused_in_one_sentence(
    content: bytes, reason: str
) -> None:
    assert [why for _, why in _read(content)] == [reason]


def test_a_message_among_conversations_costs_its_own_line_alone() -> None:
    lines = f"{json.dumps(MESSAGE)}\n".encode() + LINES

    assert _read(lines)[0] == ("line 1", BARE)
    assert [roles for _, roles in _read(lines)[1:]] == ["user", "assistant gpt-4"]


def test_a_torn_first_line_costs_that_line_alone() -> None:
    torn = b'{"messages": [{"role": "us\n' + LINES
    positions = [position for position, _ in _read(torn)]
    assert positions == ["line 1", "line 2", "line 3"]
    assert [reason.startswith("is not") for _, reason in _read(torn)] == [True, False, False]
    assert [reason.endswith(HELP) for _, reason in _read(torn)] == [False, False, False]
    few = [reason.endswith(HELP) for _, reason in _read(b"not JSON\nat all\n")]
    assert few == [True, False]


async def test_a_conversation_that_has_grown_is_brought_up_to_date(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'x.db'}"
    grown = {**THREAD, "messages": [*THREAD["messages"], *OTHER["messages"]]}
    conversation = {"id": "conv_1", "items": [{"role": "user", "content": "a"}]}
    longer = {**conversation, "items": [{"role": "user", "content": "a"}] * 2}
    said: list[str] = []

    async def into(*lines: object) -> str:
        content = "\n".join(json.dumps(line) for line in lines).encode()
        file = ImportFile("x", documents.entries(io.BytesIO(content)), None)
        return str(await import_sources(database, [file], said.append))

    assert await into(THREAD, conversation) == "2 imported, 0 already there, 0 refused"
    assert await into(THREAD, conversation) == "0 imported, 2 already there, 0 refused"
    assert said == []
    assert await into(grown, longer) == "0 imported, 2 updated, 0 already there, 0 refused"
    assert await into(grown, longer) == "0 imported, 2 already there, 0 refused"
    assert said == []


async def test_what_is_left_out_is_said_once_for_a_file(tmp_path: Path) -> None:
    odd = {"messages": [{"role": "user", "content": "a", "name": "Ann"}], "topic": "x"}
    content = "\n".join(json.dumps({**odd, "key": str(n)}) for n in range(70)).encode()
    said: list[str] = []
    file = ImportFile("x", documents.entries(io.BytesIO(content)), None)
    tally = await import_sources(f"sqlite:///{tmp_path / 'x.db'}", [file], said.append)
    assert str(tally) == "70 imported, 0 already there, 0 refused"
    assert said == ["x: imported without unknown fields: messages[].name (70), topic (70)"]


async def test_an_interrupted_import_says_what_is_kept(tmp_path: Path) -> None:
    def two() -> Iterator[ImportEntry]:
        yield from documents.entries(io.BytesIO(LINES))
        yield ImportEntry("line 3", Refused("is torn"), 1)  # ends the group of entries
        raise KeyboardInterrupt

    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        await import_sources(
            f"sqlite:///{tmp_path / 'x.db'}", [ImportFile("x", two(), 2)], said.append
        )
    assert said[-1] == (
        "interrupted: 2 imported, 0 already there, 1 refused. These are kept; "
        "the same command imports the rest"
    )
