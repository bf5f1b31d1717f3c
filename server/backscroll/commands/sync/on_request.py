"""Reads the server's requests to look for changes at once, if a server started `backscroll sync`.

In a round, the sync looks for changed files and imports what is new. Rounds also take place without
a request. Each line that the server writes to the stdin of the sync is a request for a round. After
a round, the sync writes an empty line to stdout for each request that it has read. After the first
round, which may take minutes, it also writes the line `FIRST_DONE`. The sync ends when its stdin
ends, so it never outlives the server.
"""

import asyncio
import os
import sys
from typing import Final

from msgspec import Struct

from backscroll.history.sync.tally import SyncTally
from backscroll.history.sync.watching import Rounds
from backscroll.stdio.pipes import PipeReader, open_source

SMALL_GROUP: Final = 64
"""The maximum number of items in one transaction, so that the server's writes wait only briefly."""

FIRST_DONE: Final = "imported"
"""The line that tells the server that the first round has ended."""

NICENESS: Final = 10
"""How much lower the priority of the sync is than that of the server."""


async def requested_rounds() -> Rounds:
    """Lower this process's priority, and return rounds that begin early if stdin has a request."""
    if sys.platform != "win32":
        os.nice(NICENESS)
    requests = _Requests(await open_source(sys.stdin.fileno()))
    return Rounds(requests.wait, requests.answer)


class _Requests(Struct):
    """The requests of the server.

    Attributes:
        reader: reads the requests from stdin.
        unanswered: how many requests were read but not answered yet.
        is_first: whether the first round has not ended yet.
    """

    reader: PipeReader
    unanswered: int = 0
    is_first: bool = True

    async def wait(self, seconds: float) -> bool:
        """Wait for a request, but at most `seconds`. Return false at the end of stdin."""
        try:
            async with asyncio.timeout(seconds):
                lines = await self.reader.read()
        except TimeoutError:
            return True
        self.unanswered += lines.count(b"\n")
        return bool(lines)

    def answer(self, _: SyncTally | None) -> None:
        """Answer the requests that were read. After the first round, also write `FIRST_DONE`."""
        first = f"{FIRST_DONE}\n" if self.is_first else ""
        sys.stdout.write(first + "\n" * self.unanswered)
        sys.stdout.flush()
        self.is_first, self.unanswered = False, 0
