"""What is remembered of writes is bounded, and each caller's own."""

import gc
import weakref

import httpx2

from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import EMBEDDED
from backscroll_tools.writes.journal import Journal, journal_of
from backscroll_tools.writes.keys import IdempotencyKey


def test_the_writes_that_were_noted_first_are_forgotten_first() -> None:
    journal = Journal(most=2)
    keys = [IdempotencyKey(token) for token in ("a", "b", "c")]
    for key in (keys[0], keys[1], keys[0], keys[2]):
        journal.note("thread_1", key)
    assert [journal.known("thread_1", key.token) for key in keys] == [keys[0], None, keys[2]]


def test_the_messages_whose_writers_are_known_are_bounded_too() -> None:
    journal = Journal(most=2)
    for number in range(3):
        journal.note_writer("thread_1", f"msg_{number}", f"key-{number}")
    writers = [journal.writer("thread_1", f"msg_{number}") for number in range(3)]
    assert writers == [None, "key-1", "key-2"]


def test_each_caller_has_a_journal_of_its_own_that_ends_with_its_client() -> None:
    ada, bob = (Client(httpx2.AsyncClient(), EMBEDDED) for _ in range(2))
    journal_of(ada).note("thread_1", IdempotencyKey("mine"))
    assert journal_of(ada).known("thread_1", "mine") == IdempotencyKey("mine")
    assert journal_of(bob).known("thread_1", "mine") is None
    journal = weakref.ref(journal_of(ada))
    del ada
    gc.collect()
    assert journal() is None
