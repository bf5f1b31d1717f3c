"""Properties of session logs of all programs: growing logs, hostile lines, bounded memory."""

import copy
import io
import json
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll.history.conversation import Record, SourceConversation, Unreadable
from backscroll.history.files.sample import Sample
from backscroll.history.formats import claude_code, codex, gemini_cli
from backscroll.history.formats.claude_code.reading import read as read_claude_code
from backscroll.history.formats.format import Format
from backscroll.history.source_file import SourceFile

from . import test_claude_code, test_codex, test_gemini_cli
from .session_logs import all_keys, lines, log, read

FORMATS = (claude_code.FORMAT, codex.FORMAT, gemini_cli.FORMAT)

Row = dict[str, Any]
Place = tuple[str | int, ...]


def claude_code_rows(words: Sequence[str]) -> list[Row]:
    """Return the lines of a session of Claude Code with these texts."""
    rows: list[Row] = []
    parent = None
    for number, word in enumerate(words):
        ids = [f"{kind}{number}" for kind in "uabr"]
        rows += [
            test_claude_code.user(ids[0], parent, word),
            test_claude_code.answer(ids[1], ids[0], f"msg_{number}", test_claude_code.text(word)),
            test_claude_code.answer(
                ids[2], ids[1], f"msg_{number}", test_claude_code.call(f"t{number}")
            ),
            test_claude_code.user(ids[3], ids[2], [test_claude_code.output(f"t{number}", word)]),
        ]
        parent = ids[3]
    return rows


def codex_rows(words: Sequence[str]) -> list[Row]:
    """Return the lines of a thread of Codex with these texts."""
    rows = [test_codex.meta()]
    for number, word in enumerate(words):
        rows += [
            test_codex.turn(f"t{number // 2}"),
            *test_codex.asked(word),
            test_codex.item("function_call", name="ls", call_id=f"c{number}", arguments="{}"),
            test_codex.item("function_call_output", call_id=f"c{number}", output=word),
            *test_codex.answered(word),
        ]
    return rows


def gemini_cli_rows(words: Sequence[str]) -> list[Row]:
    """Return the lines of a session of Gemini CLI with these texts."""
    rows: list[Row] = [test_gemini_cli.META]
    for number, word in enumerate(words):
        answer = test_gemini_cli.message(f"a{number}", "gemini", word)
        rows += [
            test_gemini_cli.message(f"u{number}", "user", word),
            answer,
            answer | {"toolCalls": [test_gemini_cli.CALL]},
        ]
    return rows


WRITERS: tuple[Callable[[Sequence[str]], list[Row]], ...] = (
    claude_code_rows,
    codex_rows,
    gemini_cli_rows,
)
PAIRS = list(zip(FORMATS, WRITERS, strict=True))
NAMES = [each.name for each in FORMATS]
WORDS = st.lists(st.sampled_from(["Tea?", "Green", "Again", "😀"]), min_size=1, max_size=5)


@pytest.mark.parametrize(("format_", "rows_of"), PAIRS, ids=NAMES)
@given(words=WORDS, share=st.floats(0, 1))
def test_a_log_that_grew_only_has_more_keys(
    format_: Format, rows_of: Callable[[Sequence[str]], list[Row]], words: list[str], share: float
) -> None:
    whole = lines(rows_of(words))
    before = all_keys(read(format_, log(whole[: int(len(whole) * share)])))
    after = all_keys(read(format_, log(whole)))
    for identifier, keys in before.items():
        assert after[identifier][: len(keys)] == keys
    for keys in after.values():
        assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(("format_", "rows_of"), PAIRS, ids=NAMES)
def test_a_log_is_the_same_whenever_it_is_read(
    format_: Format, rows_of: Callable[[Sequence[str]], list[Row]]
) -> None:
    file = log(rows_of(["Tea?", "Green"]))
    assert read(format_, file) == read(format_, file)


SCALARS: st.SearchStrategy[object] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["", "a\x00\ud800", "2026-01-02T03:04:05Z", "u1", "user", -1, 10**400]),
)
ANY = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)


def places(value: object, at: Place = ()) -> Iterator[Place]:
    """Yield the places of all values in a value."""
    if at:
        yield at
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*at, name))


def changed(rows: list[Row], place: Place, value: object) -> list[Row]:
    """Return lines with another value at one place."""
    copied: Any = copy.deepcopy(rows)
    owner = copied
    for name in place[:-1]:
        owner = owner[name]
    owner[place[-1]] = value
    return list(copied)


def readable(format_: Format, content: bytes, name: str) -> list[Record]:
    """Return the records of a log, after checking what holds for all records."""
    found = read(format_, log(content, name))
    for record in found:
        if isinstance(record, SourceConversation):
            json.dumps([item.item for item in record.items]).encode()
            assert record.items
            assert len({item.key for item in record.items}) == len(record.items)
            assert all(len(item.key) <= 256 for item in record.items)
    return found


@pytest.mark.parametrize(("format_", "rows_of"), PAIRS, ids=NAMES)
@given(data=st.data())
def test_any_value_in_a_line_is_read_or_refused(
    format_: Format, rows_of: Callable[[Sequence[str]], list[Row]], data: st.DataObject
) -> None:
    rows = rows_of(["Tea?"])
    place = data.draw(st.sampled_from(list(places(rows))))
    value = data.draw(ANY)
    other = changed(rows, place, value)
    readable(format_, lines(other), "session.jsonl")
    records: list[Any] = [row for row in list[Any](other) if isinstance(row, dict)]
    assert format_.recognises(Sample("lines", records)) in {True, False}
    readable(format_, json.dumps({"sessionId": "s", "messages": value}).encode(), "s.json")


@pytest.mark.parametrize("format_", FORMATS, ids=NAMES)
@given(content=st.lists(st.one_of(st.binary(max_size=9), ANY), max_size=4))
def test_any_line_is_read_or_refused(format_: Format, content: list[object]) -> None:
    rows = [row if isinstance(row, bytes) else lines([row])[:-1] for row in content]
    readable(format_, b"\n".join(rows), "session.jsonl")


def padded(rows: list[Row], *long: bytes) -> bytes:
    """Return lines with other lines after the first one."""
    return lines(rows[:1]) + b"".join(row + b"\n" for row in long) + lines(rows[1:])


@pytest.mark.parametrize(("format_", "rows_of"), PAIRS, ids=NAMES)
def test_a_line_of_any_depth_costs_only_itself(
    format_: Format, rows_of: Callable[[Sequence[str]], list[Row]]
) -> None:
    rows = rows_of(["Tea?"])
    deep = b'{"type":"user","id":"x","message":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    found = readable(format_, padded(rows, deep), "session.jsonl")
    refused = Unreadable("line 2", "is not a JSON object, and was left out")
    assert found == [refused, *readable(format_, lines(rows), "session.jsonl")]


MANY = 10_000
"""Work that grows with the square of this number does not end in time."""


def blocks_of_a_message() -> list[Row]:
    """Return a message with many blocks."""
    blocks = [test_claude_code.text(f"{number}.") for number in range(MANY)]
    return [test_claude_code.answer("a1", "", "m1", *blocks)]


def lines_without_a_known_parent() -> list[Row]:
    """Return lines whose parents are not in the log."""
    return [test_claude_code.user(f"u{number}", "lost", "Tea?") for number in range(MANY)]


def the_same_text() -> list[Row]:
    """Return a turn in which the model repeats itself."""
    return [test_codex.meta(), *[test_codex.message("assistant", "Tea")] * MANY]


def turns_that_are_taken_back() -> list[Row]:
    """Return many prompts, of which all but one are taken back, one by one."""
    prompts = [test_codex.message("user", "Tea?")] * MANY
    return [test_codex.meta(), *prompts, *[test_codex.rolled_back(1)] * (MANY - 1)]


def steps_back() -> list[Row]:
    """Return many prompts, of which all but one are removed, one by one."""
    prompts = [test_gemini_cli.user(f"u{number}") for number in range(MANY)]
    steps = [{"$rewindTo": f"u{number}"} for number in range(MANY - 1, 0, -1)]
    return [test_gemini_cli.META, *prompts, *steps]


REPETITIVE: list[tuple[Format, Callable[[], list[Row]], int]] = [
    (claude_code.FORMAT, blocks_of_a_message, MANY),
    (claude_code.FORMAT, lines_without_a_known_parent, MANY),
    (codex.FORMAT, the_same_text, MANY),
    (codex.FORMAT, turns_that_are_taken_back, 1),
    (gemini_cli.FORMAT, steps_back, 1),
]


@pytest.mark.parametrize(
    ("format_", "rows_of", "count"), REPETITIVE, ids=[each[1].__name__ for each in REPETITIVE]
)
def test_repetitive_logs_take_time_that_grows_with_their_length(
    format_: Format, rows_of: Callable[[], list[Row]], count: int
) -> None:
    (found,) = read(format_, log(rows_of()))
    assert isinstance(found, SourceConversation)
    assert len(found.items) == count


class Repeated(io.RawIOBase):
    """A stream that repeats bytes between a start and an end, without holding them."""

    def __init__(self, start: bytes, repeated: bytes, times: int, end: bytes) -> None:
        """Begin at the start."""
        super().__init__()
        self._rest = iter((start, *(repeated for _ in range(times)), end))
        self._buffer = b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        """Read the next bytes."""
        self._buffer = self._buffer or next(self._rest, b"")
        piece = self._buffer[: len(buffer)]
        buffer[: len(piece)] = piece
        self._buffer = self._buffer[len(piece) :]
        return len(piece)


MEBIBYTE = 1 << 20


@pytest.mark.parametrize(
    ("repeated", "shown"),
    [
        (b"wort " * (MEBIBYTE // 5), "wort wort "),
        (b"/9j/" * (MEBIBYTE // 4), "[image/jpeg, 9437184 bytes]"),
        (b"\\\\" * (MEBIBYTE // 2), "\\\\\\\\"),
        ("😀".encode() * (MEBIBYTE // 4), "😀😀"),
    ],
    ids=["words", "base64", "escapes", "emoji"],
)
def test_a_line_of_any_length_is_read_in_bounded_memory(repeated: bytes, shown: str) -> None:
    row = test_claude_code.user("u1", None, [test_claude_code.output("t1", "HERE")])
    start, end = lines([row]).split(b"HERE")
    rest = lines([test_claude_code.user("u2", "u1", "Thanks")])
    file = SourceFile(
        "x.jsonl", lambda: io.BufferedReader(Repeated(start, repeated, 12, end + rest))
    )
    tracemalloc.start()
    try:
        (found,) = read_claude_code(file)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(found, SourceConversation)
    output, thanks = found.items
    assert output.item["output"].startswith(shown)
    assert len(output.item["output"]) < MEBIBYTE + 100
    assert thanks.item["content"] == "Thanks"
    assert peak < 20 * MEBIBYTE


@pytest.mark.parametrize("format_", FORMATS, ids=NAMES)
def test_a_line_of_too_many_values_is_refused_in_bounded_memory(format_: Format) -> None:
    stream = partial(
        Repeated, b'{"type":"user","message":[', b"{}," * (MEBIBYTE // 3), 16, b"{}]}\n"
    )
    file = SourceFile("x.jsonl", lambda: io.BufferedReader(stream()))
    reason = "is too long, even without its longest texts, and was left out"
    assert list(format_.read(file)) == [Unreadable("line 1", reason)]
