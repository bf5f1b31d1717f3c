"""What a model reads, to the letter."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll_tools import render
from backscroll_tools.errors import ToolError
from backscroll_tools.models import Page
from tests.tools import transcript

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def page(**changes: object) -> Page:
    base = {
        "returned": 2,
        "has_more": True,
        "next_cursor": "1lm.df~msg_1~~~~abcd",
        "stopped_by": "limit",
        "order": "desc",
    }
    return Page(**{**base, **changes})  # type: ignore[typeddict-item]  # keys differ by case


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "KP 2 messages, newest first. More follow: cursor=1lm.df~msg_1~~~~abcd"),
        (
            {"order": "asc"},
            "KP 2 messages, oldest first. More follow: cursor=1lm.df~msg_1~~~~abcd",
        ),
        (
            {"has_more": False, "next_cursor": None, "stopped_by": "end", "returned": 1},
            "KP 1 message. No more follow.",
        ),
        (
            {"has_more": False, "next_cursor": None, "stopped_by": "end", "returned": 0},
            "KP 0 messages. No more follow.",
        ),
        (
            {"next_cursor": None, "stopped_by": "requests", "warning": "it lies"},
            (
                "KP 2 messages, newest first, stopped by requests. More follow, but cannot be "
                "reached. Warning: it lies."
            ),
        ),
        (
            {"stopped_by": "size"},
            "KP 2 messages, newest first. More follow: cursor=1lm.df~msg_1~~~~abcd",
        ),
    ],
)
def test_the_heading_tells_count_order_and_how_to_go_on(
    changes: dict[str, object], line: str
) -> None:
    assert render.heading("KP", page(**changes), "message") == f"{line}\n"
    transcript.read_heading(line)


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (
            {"id": "msg_1", "role": "user", "created_at": 1_795_255_205, "text": "Hi\n there"},
            "KP user msg_1 2026-11-21 10:00 UTC\nHi\n there\n",
        ),
        (
            {"id": "msg_1", "role": "tool", "text": "", "other": {"tool_call_id": "call_ü"}},
            'KP tool msg_1\nKP+{"other":{"tool_call_id":"call_ü"}}\n',
        ),
        ({"id": "file-1", "message_id": "msg_1"}, "KP file file-1\n"),
        ({"id": "file-1", "created_at": -5}, "KP file file-1 -5 s\n"),
        (
            {"id": "file-1", "created_at": 253_402_300_799},
            "KP file file-1 9999-12-31 23:59 UTC\n",
        ),
        ({"id": "file-1", "created_at": 253_402_300_800}, "KP file file-1 253402300800 s\n"),
    ],
)
def test_an_item_is_a_header_its_fields_and_its_text(item: dict[str, object], text: str) -> None:
    assert render.marked("KP", render.lines(item, "file")) == text


@pytest.mark.parametrize(
    ("above", "created_at", "told"),
    [
        (1_795_255_205, 1_795_255_234, ""),
        (1_795_255_205, 1_795_255_265, " :01"),
        (1_795_255_205, 1_795_258_805, " 11:00"),
        (1_795_255_205, 1_795_168_805, " 2026-11-20 10:00 UTC"),
        (1_795_255_205, 253_402_300_800, " 253402300800 s"),
        (253_402_300_800, 253_402_300_800, ""),
        (253_402_300_800, 1_795_255_205, " 2026-11-21 10:00 UTC"),
        (None, 1_795_255_205, " 2026-11-21 10:00 UTC"),
        (1_795_255_205, None, ""),
    ],
)
def test_a_header_tells_what_of_the_time_the_one_above_does_not(
    above: int | None, created_at: int | None, told: str
) -> None:
    over, item = (
        {"id": f"msg_{n}", "role": "user"} | ({} if time is None else {"created_at": time})
        for n, time in enumerate((above, created_at))
    )
    assert render.lines(item, "message", over) == [f" user msg_1{told}\n"]


@pytest.mark.parametrize(
    ("created_at", "date"),
    [(1_795_255_205, "2026-11-21"), (253_402_300_800, "253402300800"), (None, "")],
)
def test_a_date_is_in_utc_and_empty_if_the_time_is_unknown(
    created_at: int | None, date: str
) -> None:
    assert render.shown_date(created_at) == date


@given(st.lists(st.text(max_size=50)))
def test_a_mark_occurs_in_no_text(texts: list[str]) -> None:
    mark = render.unused_prefix(texts)
    assert re.fullmatch("[A-Z]{2}", mark)
    assert not any(mark in text for text in texts)


def test_no_character_in_the_fields_of_an_item_ends_their_line() -> None:
    metadata = {"topic": "a\x0bb\x1cc\x85KP user\u2028KP user\u2029KP user"}

    found = render.lines({"id": "thread_1", "metadata": metadata}, "thread")

    assert [len(line.splitlines()) for line in found] == [1, 1]
    assert json.loads(found[1].removeprefix("+")) == {"metadata": metadata}


def test_marks_differ_from_page_to_page() -> None:
    assert len({render.unused_prefix([]) for _ in range(20)}) > 1


def test_a_text_that_holds_all_pairs_of_letters_gets_a_longer_mark() -> None:
    pairs = " ".join(f"{a}{b}" for a in LETTERS for b in LETTERS)
    mark = render.unused_prefix([pairs])
    assert re.fullmatch("[A-Z]{2}[0-9]{3}", mark)
    assert len(mark) == render.MARK_CHARS


def test_a_text_that_holds_most_marks_still_leaves_one() -> None:
    most = " ".join(f"{a}{b}{number:03}" for a in LETTERS for b in LETTERS for number in range(800))
    assert int(render.unused_prefix([most])[2:]) >= 800


def test_where_no_mark_is_left_the_page_is_refused() -> None:
    every = " ".join(
        f"{a}{b}{number:03}" for a in LETTERS for b in LETTERS for number in range(1_000)
    )
    with pytest.raises(ToolError, match="internal: No unused line prefix"):
        render.unused_prefix([every])
