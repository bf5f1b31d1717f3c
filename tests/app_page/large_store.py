"""The page on a store of 258,145 messages, beside an empty page: `make soak PARTS=page`."""

import asyncio
import json
import sys
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Final

from backscroll.store.archive.records import ImportedMessage, ImportedThread
from bench import conversations
from tests.app_page.viewing import viewing
from tests.clients import nodejs
from tests.faults.figures import record
from tests.pace import paced_s

SCRIPT: Final = Path(__file__).with_name("large_store.cjs")
THREAD_ID: Final = "thread_long"
LONG: Final = 10_000
"""How many messages of the dataset are repeated as one more thread, which is scrolled."""

ROUNDS: Final = 3
PAINT_MS: Final = paced_s(300)
FRAME_MS: Final = paced_s(50)
"""The limits of the median first paint and of the median of the longest frames, in milliseconds."""


def long_thread() -> ImportedThread:
    """Return one thread of the dataset's first messages."""
    said = (each for thread in conversations.chats() for each in thread.messages)
    messages = [
        ImportedMessage(role=each.role, content=each.content, created_at=60 * at)
        for at, each in enumerate(islice(said, LONG))
    ]
    return ImportedThread(
        key=THREAD_ID,
        id=THREAD_ID,
        created_at=0,
        messages=messages,
        metadata={"title": "A long thread"},
    )


async def filled(database: str) -> int:
    """Fill a database with the dataset and the long thread, and return the dataset's size."""
    threads = list(conversations.chats())
    await conversations.fill(database, [*threads, long_thread()])
    return sum(len(thread.messages) for thread in threads)


def measured(database: str) -> dict[str, Any]:
    """Open the page in a browser once, and return its figures in milliseconds."""
    with viewing(database, THREAD_ID) as link:
        seen: dict[str, Any] = json.loads(nodejs.run(SCRIPT, stdin=link))
    return seen


def main() -> int:
    """Measure and record; return 1 if a limit was exceeded."""
    with conversations.database(durable=True) as database:
        messages = asyncio.run(filled(database))
        rounds = [measured(database) for _ in range(ROUNDS)]
    assert all(each["loaded"] == f"{LONG} items loaded" for each in rounds), rounds

    def middle(*path: str) -> float:
        values: list[Any] = list(rounds)
        for name in path:
            values = [value[name] for value in values]
        return float(median(values))

    paint, longest = middle("paint"), max(middle("up", "longest"), middle("down", "longest"))
    record(
        f"the page of `backscroll view` on {messages:,} messages, opened",
        f"first paint after {paint:.0f} ms (an empty page: {middle('emptyPaint'):.0f} ms), "
        f"the latest messages of a thread of {LONG:,} after {middle('messages'):.0f} ms; "
        f"medians of {ROUNDS} rounds",
    )
    record(
        f"the page scrolled through {LONG:,} messages, 1,000 pixels a frame",
        f"longest frame {middle('up', 'longest'):.0f} ms while they load, "
        f"{middle('down', 'longest'):.0f} ms afterwards (an empty page: "
        f"{middle('empty', 'longest'):.0f} ms); at the end {middle('drawn'):.0f} messages are in "
        f"the document; medians of {ROUNDS} rounds",
    )
    json.dump(rounds, sys.stdout, indent=1)
    return int(paint > PAINT_MS or longest > FRAME_MS)


if __name__ == "__main__":
    sys.exit(main())
