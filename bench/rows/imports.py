"""`import`: whole conversations, imported with their index, beside the fastest bare ways."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Final

from backscroll.commands.rare_collections import rare_collections
from backscroll.commands.transfer.importing import GROUP_ENTRIES
from backscroll.database.sqlite_engine import journal_mode
from backscroll.store.archive.opening import open_archive
from backscroll.store.archive.records import ImportedThread
from bench.conversations import chats, database
from bench.figures import Outcome, Row, figures, interleaved, ratio
from bench.peers import bulk
from bench.trial import Trial
from tests.postgres import PostgresServer, postgres_server

ROUNDS: Final = 6
CONVERSATIONS: Final = 500

OURS: Final = "Backscroll on {}"
BARE: Final = "{}, with an index of the texts"
ROWS_ONLY: Final = "{}, without one"
EXECUTEMANY: Final = "executemany"
COPY: Final = "COPY"


async def _imported(url: str, threads: Sequence[ImportedThread]) -> float:
    """Import threads as `backscroll import` does, and return how many seconds that took."""
    waiting = iter(threads)
    async with open_archive(url) as archive:
        begun = time.perf_counter()
        while group := list(islice(waiting, GROUP_ENTRIES)):
            await archive.import_conversations(group)
        return time.perf_counter() - begun


@contextmanager
def _server_database(server: PostgresServer, runner: asyncio.Runner) -> Iterator[str]:
    """Yield the URL of an empty database of its own."""
    opening = server.database(empty=True)
    yield runner.run(opening.__aenter__())
    runner.run(opening.__aexit__(None, None, None))


def _measure(trial: Trial) -> Outcome:
    threads = list(chats(trial.size(CONVERSATIONS, quick=50, long=4 * CONVERSATIONS)))
    count = sum(len(thread.messages) for thread in threads)
    given = bulk.filling(threads)
    mode = journal_mode(sqlite3.sqlite_version_info)
    with postgres_server() as server, asyncio.Runner() as runner, rare_collections():

        def ours_on_sqlite() -> float:
            with database(durable=True) as url:
                return count / runner.run(_imported(url, threads))

        def executemany(*, indexed: bool) -> float:
            with database(durable=True) as url:
                path = url.removeprefix("sqlite:///")
                return count / bulk.executemany(path, mode, given, indexed=indexed)

        def ours_on_postgres() -> float:
            with _server_database(server, runner) as url:
                return count / runner.run(_imported(url, threads))

        def copy(*, indexed: bool) -> float:
            with _server_database(server, runner) as url:
                return count / runner.run(bulk.copy(url, given, indexed=indexed))

        contenders = {
            OURS.format("SQLite"): ours_on_sqlite,
            BARE.format(EXECUTEMANY): lambda: executemany(indexed=True),
            ROWS_ONLY.format(EXECUTEMANY): lambda: executemany(indexed=False),
            OURS.format("PostgreSQL"): ours_on_postgres,
            BARE.format(COPY): lambda: copy(indexed=True),
            ROWS_ONLY.format(COPY): lambda: copy(indexed=False),
        }
        ours_on_sqlite()  # imports what an import needs
        samples = interleaved(contenders, trial.rounds(ROUNDS, "importing"))
    sqlite, postgres = (samples[OURS.format(name)] for name in ("SQLite", "PostgreSQL"))
    claims = [
        ratio(
            f"{engine}, index included: Backscroll by {name}",
            ours,
            samples[BARE.format(name)],
            least=least,
        )
        for engine, ours, name, least in (
            ("SQLite", sqlite, EXECUTEMANY, 0.5),
            ("PostgreSQL", postgres, COPY, 0.3),
        )
    ]
    claims += [
        ratio(f"{engine}: Backscroll by {name} of the rows alone", ours, samples[rows])
        for engine, ours, name, rows in (
            ("SQLite", sqlite, EXECUTEMANY, ROWS_ONLY.format(EXECUTEMANY)),
            ("PostgreSQL", postgres, COPY, ROWS_ONLY.format(COPY)),
        )
    ]
    note = (
        f"{len(threads):,} real conversations of {count:,} messages, each time into an empty "
        "database, in one process. The bare ways write rows that were made before, and have an "
        "index of FTS5 or of GIN; Backscroll also checks, hashes and tokenizes in Python."
    )
    return Outcome(figures("messages/s", samples), tuple(claims), (note,))


IMPORT: Final = Row(
    "import", "messages a second of a bulk import, beside executemany and COPY", _measure
)
