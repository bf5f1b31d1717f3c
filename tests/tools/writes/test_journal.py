"""What is remembered of writes is bounded, and each caller's own."""

import gc
import weakref

import httpx2
import pytest
from msgspec.structs import replace

from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import EMBEDDED
from backscroll_tools.writes.journal import Journal, Record, journal_of
from backscroll_tools.writes.keys import IdempotencyKey
from tests.loopback import NO_TLS


def test_the_writes_that_were_noted_first_are_forgotten_first() -> None:
    journal = Journal(most=2)
    a, b, c = (Record(IdempotencyKey(token), 0.0) for token in "abc")
    for record in (a, b, a, c):
        journal.note("thread_1", record)
    assert [journal.known("thread_1", token) for token in "abc"] == [a, None, c]


def test_the_messages_whose_writers_are_known_are_bounded_too() -> None:
    journal = Journal(most=2)
    for number in range(3):
        journal.note_writer("thread_1", f"msg_{number}", f"key-{number}")
    writers = [journal.writer("thread_1", f"msg_{number}") for number in range(3)]
    assert writers == [None, "key-1", "key-2"]


def test_each_caller_has_a_journal_of_its_own_that_ends_with_its_client() -> None:
    ada, bob = (Client(httpx2.AsyncClient(verify=NO_TLS), EMBEDDED) for _ in range(2))
    journal_of(ada).note("thread_1", Record(IdempotencyKey("mine"), 0.0))
    assert journal_of(ada).known("thread_1", "mine") is not None
    assert journal_of(bob).known("thread_1", "mine") is None
    journal = weakref.ref(journal_of(ada))
    del ada
    gc.collect()
    assert journal() is None


NONE = IdempotencyKey("mine")
NOTED = replace(NONE, newest_digest="s" * 12)
SENT = replace(NOTED, sent_at=1_000)
LATER = replace(SENT, sent_at=1_001)
ELSE = replace(SENT, sent_by="upstream")
MADE = replace(NONE, message_id="msg_1", message_digest="s" * 12)


@pytest.mark.parametrize(
    ("theirs", "ours", "merged"),
    [
        (SENT, NONE, Record(SENT, 5.0)),
        (NONE, SENT, Record(SENT, 1.0, dated=False)),
        (SENT, SENT, Record(SENT, 1.0, dated=False)),
        (LATER, SENT, Record(LATER, 5.0)),
        (SENT, LATER, Record(LATER, 1.0, dated=False)),
        (ELSE, SENT, Record(ELSE, 5.0, dated=False)),
        (SENT, MADE, Record(MADE, 1.0, dated=False)),
        (MADE, SENT, Record(MADE, 5.0)),
        (
            NONE,
            replace(NONE, newest_digest="s" * 12),
            Record(replace(NONE, newest_digest="s" * 12), 1.0, dated=False),
        ),
    ],
)
def test_of_a_caller_s_key_and_what_is_known_here_the_later_counts(
    theirs: IdempotencyKey, ours: IdempotencyKey, merged: Record
) -> None:
    called = Record(replace(theirs, given=True), 5.0)
    expected = replace(merged, key=replace(merged.key, given=True))
    assert called.merged(Record(ours, 1.0, dated=False)) == expected
