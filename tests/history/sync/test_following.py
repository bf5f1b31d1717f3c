"""A log that is followed gives the same as one that is read whole each time it grows."""

# ruff: noqa: ASYNC240 - a test may block on its own folder

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backscroll.history.conversation import Record, SourceConversation
from backscroll.history.sources.finding import FoundFile, found
from backscroll.history.sources.source import Source, Surroundings
from backscroll.history.sync.following import FollowedLogs
from backscroll.history.sync.reading import read_file
from backscroll.history.sync.syncing import ReadFile, SyncOptions, sync
from backscroll.store.app import Store, open_store
from backscroll.store.archive.records import Selection
from tests.history.formats import test_claude_code as claude
from tests.history.formats import test_codex as codex
from tests.history.formats.session_logs import SESSION, lines

Row = dict[str, Any]
WORDS = st.sampled_from(["tea", "milk", "more tea", "password=hunter2hunter2"])
CLAUDE = Path(".claude/projects/-home-ada-tea") / f"{SESSION}.jsonl"
CODEX = Path(".codex/sessions/2026/07/17") / f"rollout-2026-07-17T09-00-00-{SESSION}.jsonl"


class Reader:
    """Follows logs, and counts what was read."""

    def __init__(self, **options: int) -> None:
        self._read = FollowedLogs(**{"least_bytes": 0, **options})
        self.continued: list[int] = []

    def __call__(self, file: FoundFile, source: Source) -> Iterator[Record]:
        for record in self._read(file, source):
            if isinstance(record, SourceConversation) and record.is_continued:
                self.continued.append(len(record.items))
            yield record


async def synced(store: Store, home: Path, read: ReadFile) -> list[str]:
    """Sync, and return what was refused."""
    refused: list[str] = []
    options = SyncOptions(refuse=refused.append)
    await sync(store, found(Surroundings({}, home, "linux")), read, options)
    return refused


async def contents(store: Store) -> dict[str, Any]:
    """Return everything that is stored, without the ids that each store creates."""
    return {
        each.key: (
            each.metadata,
            each.created_at,
            [(item.key, item.created_at, {**item.item, "id": ""}) for item in each.items],
        )
        async for each in store.export_conversations()
    }


def compared(path: Path, pieces: Sequence[bytes]) -> list[int]:
    """Append pieces to a log, sync after each, and compare with a store that reads all of it.

    Returns:
        How many items each reading of only new lines gave.
    """

    async def compare() -> list[int]:
        reader = Reader()
        with TemporaryDirectory() as folder:
            log = Path(folder) / path
            log.parent.mkdir(parents=True)
            async with (
                open_store("sqlite:///:memory:") as store,
                open_store("sqlite:///:memory:") as other,
            ):
                for piece in pieces:
                    with log.open("ab") as file:
                        file.write(piece)
                    refused = await synced(store, Path(folder), reader)
                    # Reading all of a log names the lines that cannot be read again.
                    assert set(refused) <= set(await synced(other, Path(folder), read_file))
                    assert await contents(store) == await contents(other)
        return reader.continued

    return asyncio.run(compare())


@st.composite
def claude_rows(draw: st.DrawFn) -> list[Row]:
    """A session of Claude Code in which anything can follow anything."""
    rows: list[Row] = [claude.user("u0", None, "Tea?")]
    ids, messages = ["u0"], ["m0"]
    for number in range(1, draw(st.integers(1, 14))):
        uuid, word = f"u{number}", draw(WORDS)
        parent = ids[-1] if draw(st.integers(0, 5)) else draw(st.sampled_from(ids))
        message = messages[-1] if draw(st.booleans()) else f"m{number}"
        queued = {"type": "queued_command", "prompt": word}
        row: Row = draw(
            st.sampled_from(
                [
                    claude.user(uuid, parent, word),
                    claude.user(uuid, parent, word),
                    claude.user(uuid, parent, [claude.output(f"t{number - 1}", word)]),
                    claude.answer(uuid, parent, message, claude.text(word)),
                    claude.answer(uuid, parent, message, claude.text(word)),
                    claude.answer(uuid, parent, message, claude.call(f"t{number}", path=word)),
                    claude.line(uuid, parent, "system", "", subtype="x"),
                    claude.line(uuid, None, "system", "", subtype="compact_boundary"),
                    claude.user(uuid, parent, "Summary", isCompactSummary=True),
                    claude.line(uuid, parent, "attachment", "", attachment=queued),
                    {"type": "attachment", "timestamp": "2026-01-02T03:04:07.000Z"}
                    | {"attachment": queued},
                    claude.user(uuid, parent, word, isSidechain=True, agentId="agent"),
                    {"type": "ai-title", "aiTitle": word, "sessionId": SESSION},
                    {"type": "custom-title", "customTitle": word, "sessionId": SESSION},
                    {"type": "last-prompt", "leafUuid": parent, "sessionId": SESSION},
                    {"type": "file-history-snapshot", "snapshot": {}},
                    draw(st.sampled_from(rows)),
                ]
            )
        )
        rows.append(row)
        if row.get("uuid") == uuid:
            ids.append(uuid)
            messages += [message] if row["type"] == "assistant" else []
    return rows


@st.composite
def codex_rows(draw: st.DrawFn) -> list[Row]:
    """A thread of Codex in which anything can follow anything."""
    rows: list[Row] = [codex.meta()]
    for number in range(draw(st.integers(1, 10))):
        word = draw(WORDS)
        rows += draw(
            st.sampled_from(
                [
                    codex.asked(word),
                    codex.answered(word),
                    [codex.message("user", word)],
                    [codex.event("agent_message", message=word)],
                    [codex.turn(f"t{number // 3}")],
                    [codex.item("function_call", name="ls", call_id=f"c{number}", arguments="{}")],
                    [codex.item("function_call_output", call_id=f"c{number - 1}", output=word)],
                    [codex.event("thread_name_updated", thread_name=word)],
                    [codex.rolled_back(draw(st.integers(1, 3)))],
                    [codex.meta("22222222-2222-4222-8222-222222222222")],
                ]
            )
        )
    return rows


@st.composite
def in_pieces(draw: st.DrawFn, rows: st.SearchStrategy[list[Row]]) -> list[bytes]:
    """The bytes of a log, cut at ends of lines, and sometimes inside a line."""
    raw = [lines([row]) for row in draw(rows)]
    if not draw(st.integers(0, 4)):
        raw.insert(draw(st.integers(0, len(raw))), b'{"not": json\n')
    starts = [0, *accumulate(map(len, raw))]
    cut = draw(st.lists(st.integers(0, len(raw) - 1), max_size=4))
    inside = draw(st.integers(0, 6)) == 0
    cuts = sorted({starts[at] + (len(raw[at]) // 2 if inside else 0) for at in cut} | {0})
    whole = b"".join(raw)
    return [whole[start:end] for start, end in pairwise([*cuts, len(whole)])]


@pytest.mark.parametrize(("path", "rows"), [(CLAUDE, claude_rows), (CODEX, codex_rows)])
def test_a_followed_log_gives_what_reading_all_of_it_gives(
    path: Path, rows: Callable[[], st.SearchStrategy[list[Row]]]
) -> None:
    @settings(deadline=None, max_examples=settings().max_examples // 5)
    @given(in_pieces(rows()))
    def holds(pieces: list[bytes]) -> None:
        compared(path, pieces)

    holds()


def _lines(*rows: Row) -> bytes:
    return lines(rows)


@pytest.mark.parametrize(
    ("path", "pieces", "continued"),
    [
        pytest.param(
            CLAUDE,
            [
                _lines(claude.user("u1", None, "Tea?"), claude.user("u2", "u1", "Now")),
                _lines(claude.answer("a1", "u2", "m1", claude.text("Green"))),
                _lines(claude.answer("a2", "a1", "m1", claude.call("t1"))),
                _lines(claude.user("u3", "a2", [claude.output("t1")])),
            ],
            # The second block of the message m1 is read with the first one.
            [1, 2, 1],
            id="claude-code",
        ),
        pytest.param(
            CLAUDE,
            [
                _lines(claude.user("u1", None, "Tea?"), claude.user("u2", "u1", "Now")),
                b'{"not": json\n' + _lines(claude.user("u3", "u2", "Green")),
            ],
            [1],  # the line that cannot be read is the third one
            id="claude-code, unreadable",
        ),
        pytest.param(
            CODEX,
            [
                _lines(codex.meta(), *codex.asked("Tea?")),
                _lines(*codex.answered("Green")),
                _lines(codex.turn("t2"), *codex.asked("More"), codex.message("assistant", "Yes")),
            ],
            [1, 2],
            id="codex",
        ),
    ],
)
def test_only_the_new_lines_of_a_followed_log_are_read(
    path: Path, pieces: list[bytes], continued: list[int]
) -> None:
    assert compared(path, pieces) == continued


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of Claude Code with one prompt."""
    path = tmp_path / CLAUDE
    path.parent.mkdir(parents=True)
    path.write_bytes(_lines(claude.user("u1", None, "Tea?"), claude.user("u2", "u1", "Now")))
    return path


def _append(log: Path, uuid: str, parent: str, text: str) -> None:
    with log.open("ab") as file:
        file.write(_lines(claude.user(uuid, parent, text)))


def _texts(stored: dict[str, Any]) -> list[str]:
    [(_, _, items)] = stored.values()
    return [item["content"][0]["text"] for _, _, item in items]


def _rewrite(log: Path) -> None:
    log.write_bytes(log.read_bytes().replace(b"Tea?", b"Mate"))


async def test_a_log_whose_start_was_changed_is_read_whole(tmp_path: Path, log: Path) -> None:
    reader = Reader()
    async with open_store("sqlite:///:memory:") as store:
        await synced(store, tmp_path, reader)
        _rewrite(log)
        _append(log, "u3", "u2", "More")
        await synced(store, tmp_path, reader)
        assert _texts(await contents(store)) == ["Mate", "Now", "More"]
    assert reader.continued == []


async def test_what_another_process_imported_or_forgot_meanwhile_is_read_whole(
    tmp_path: Path, log: Path
) -> None:
    reader = Reader()
    async with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        await synced(store, tmp_path, reader)
        _append(log, "u3", "u2", "More")
        await synced(store, tmp_path, read_file)
        _append(log, "u4", "u3", "Milk")
        await synced(store, tmp_path, reader)
        assert reader.continued == []
        _append(log, "u5", "u4", "Sugar")
        await synced(store, tmp_path, reader)
        assert reader.continued == [1]
        assert _texts(await contents(store)) == ["Tea?", "Now", "More", "Milk", "Sugar"]
        await store.forget(await store.forgettable(Selection(source="claude-code")))
        _append(log, "u6", "u5", "Again")
        await synced(store, tmp_path, reader)
        assert await contents(store) == {}


async def test_only_the_logs_that_were_read_last_are_followed(tmp_path: Path, log: Path) -> None:
    other = log.with_name("22222222-2222-4222-8222-222222222222.jsonl")
    other.write_bytes(log.read_bytes().replace(b'"u', b'"v'))
    os.utime(log, (1, 1))  # it is read first
    reader = Reader(most_logs=1)
    async with open_store("sqlite:///:memory:") as store:
        await synced(store, tmp_path, reader)
        for number in (3, 4):
            assert reader.continued == []
            _append(log, f"u{number}", f"u{number - 1}", "More")
            await synced(store, tmp_path, reader)
        assert reader.continued == [1]


@pytest.mark.parametrize(("longer", "continued"), [(1, []), (0, [1])])
async def test_only_long_logs_are_followed(
    tmp_path: Path, log: Path, longer: int, continued: list[int]
) -> None:
    reader = Reader(least_bytes=log.stat().st_size + longer)
    async with open_store("sqlite:///:memory:") as store:
        await synced(store, tmp_path, reader)
        _append(log, "u3", "u2", "More")
        await synced(store, tmp_path, reader)
        assert reader.continued == continued
        _append(log, "u4", "u3", "Milk")
        await synced(store, tmp_path, reader)
    assert reader.continued == [*continued, 1]


async def test_a_log_that_did_not_grow_is_read_whole(tmp_path: Path, log: Path) -> None:
    reader = Reader()
    async with open_store("sqlite:///:memory:") as store:
        await synced(store, tmp_path, reader)
        os.utime(log, (1, 1))
        await synced(store, tmp_path, reader)
        assert _texts(await contents(store)) == ["Tea?", "Now"]
    assert reader.continued == []


async def test_a_log_that_was_replaced_by_a_copy_is_read_whole(tmp_path: Path, log: Path) -> None:
    reader = Reader()
    async with open_store("sqlite:///:memory:") as store:
        await synced(store, tmp_path, reader)
        copy = log.with_suffix(".copy")
        copy.write_bytes(log.read_bytes())
        copy.replace(log)
        _append(log, "u3", "u2", "More")
        await synced(store, tmp_path, reader)
        assert reader.continued == []
        _append(log, "u4", "u3", "Milk")
        await synced(store, tmp_path, reader)
        assert _texts(await contents(store)) == ["Tea?", "Now", "More", "Milk"]
    assert reader.continued == [1]


async def test_a_log_that_grows_while_it_is_read_is_read_whole_the_next_time(
    tmp_path: Path, log: Path
) -> None:
    reader = Reader()

    def growing(file: FoundFile, source: Source) -> Iterator[Record]:
        for record in reader(file, source):
            _append(log, "u3", "u2", "More")
            yield record

    async with open_store("sqlite:///:memory:") as store:
        await synced(store, tmp_path, growing)
        await synced(store, tmp_path, reader)
        assert reader.continued == []
        _append(log, "u4", "u3", "Milk")
        await synced(store, tmp_path, reader)
        assert _texts(await contents(store)) == ["Tea?", "Now", "More", "Milk"]
    assert reader.continued == [1]


async def test_a_log_without_a_newline_at_its_end_is_read_whole(tmp_path: Path, log: Path) -> None:
    reader = Reader()
    whole = log.read_bytes()
    log.write_bytes(whole[:-1])
    async with open_store("sqlite:///:memory:") as store:
        await synced(store, tmp_path, reader)
        log.write_bytes(whole)
        _append(log, "u3", "u2", "More")
        await synced(store, tmp_path, reader)
        assert _texts(await contents(store)) == ["Tea?", "Now", "More"]
    assert reader.continued == []
