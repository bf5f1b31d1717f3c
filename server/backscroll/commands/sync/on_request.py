"""The rounds of a sync that a server started, which the server asks for over stdin and stdout.

Each line that the server writes asks for a round. After the round, the sync writes an empty line
for each that it has read. The first round needs no request. Since it may take minutes, the sync
writes the line `FIRST_DONE` after it. The sync ends with its stdin, and so never outlives the
server.
"""

import asyncio
import os
import sys
from dataclasses import dataclass
from typing import Final

from backscroll.history.sync.tally import SyncTally
from backscroll.history.sync.watching import Rounds
from backscroll.stdio.pipes import PipeReader, open_source

SMALL_GROUP: Final = 64
"""The maximum number of items in one transaction, so that writes of the server wait little."""

FIRST_DONE: Final = "imported"
"""The line that tells the server that the first round has ended."""

NICENESS: Final = 10
"""How much lower the priority of the sync is than that of the server."""


async def requested_rounds() -> Rounds:
    """Give way to other processes, and return the rounds that the server asks for on stdin."""
    if sys.platform != "win32":
        os.nice(NICENESS)
    requests = _Requests(await open_source(sys.stdin.fileno()))
    return Rounds(requests.wait, requests.answer)


@dataclass(slots=True)
class _Requests:
    """The requests of the server.

    Attributes:
        reader: reads them from stdin.
        unanswered: how many were read, and not answered yet.
        is_first: whether the first round has not ended yet.
    """

    reader: PipeReader
    unanswered: int = 0
    is_first: bool = True

    async def wait(self, seconds: float) -> bool:
        """Wait for a request, or for a number of seconds. Return false at the end of stdin."""
        try:
            async with asyncio.timeout(seconds):
                lines = await self.reader.read()
        except TimeoutError:
            return True
        self.unanswered += lines.count(b"\n")
        return bool(lines)

    def answer(self, _: SyncTally | None) -> None:
        """Tell the server that all requests which were read have been done."""
        first = f"{FIRST_DONE}\n" if self.is_first else ""
        sys.stdout.write(first + "\n" * self.unanswered)
        sys.stdout.flush()
        self.is_first, self.unanswered = False, 0
