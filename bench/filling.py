"""Fills a store with conversations, completions and responses, and notes how fast that goes."""

import os
import statistics
import time
from typing import Final

from msgspec import Struct, field

from backscroll.commands.transfer.importing import GROUP_MESSAGES
from backscroll.store.archive.opening import open_archive
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedMessage,
    ImportedResponse,
    ImportedThread,
)
from bench.figures import Claim
from bench.memory import mebibytes

A_CONVERSATION: Final = 100
"""The messages of a conversation. One has a tenth of all messages."""
LONG: Final = "thread_long"
"""The id of that one."""

_A_GROUP: Final = GROUP_MESSAGES // A_CONVERSATION
"""The conversations that are imported in one transaction, as `backscroll import` does it."""
_GROWTH_MIB: Final = 20
"""How much more memory the end of an import may take than its beginning: caches fill."""
_WORDS: Final = (
    *("parcel", "kettle", "garden", "invoice", "harbour", "violin", "glacier", "lantern"),
    *("pepper", "tunnel", "saddle", "thunder", "marble", "canvas", "orchard", "beacon"),
)


def _messages(name: str, number: int, begins: int) -> list[ImportedMessage]:
    return [
        ImportedMessage(
            id=f"msg_{name}_{at}",
            role="assistant" if at % 2 else "user",
            content=f"{_WORDS[at % 16]} {_WORDS[at // 16 % 16]} came as number {at} of {name}, "
            f"with {_WORDS[at // 256 % 16]} and all that belongs to it",
            created_at=begins + at,
        )
        for at in range(number)
    ]


def _thread(name: str, number: int, begins: int) -> ImportedThread:
    messages = _messages(name, number, begins)
    return ImportedThread(
        key=name,
        id=f"thread_{name}",
        created_at=begins,
        messages=messages,
        metadata={"title": f"About {name}"},
    )


def _completion(at: int) -> ImportedCompletion:
    return ImportedCompletion(
        key=str(at),
        id=f"chatcmpl-{at}",
        created_at=at,
        model="m",
        choices=[{"index": 0, "message": {"role": "assistant", "content": "Yes."}}],
        messages=[{"role": "user", "content": f"asked {at}"}],
    )


def _response(at: int) -> ImportedResponse:
    asked = {"role": "user", "content": f"asked {at}"}
    return ImportedResponse(key=str(at), id=f"resp_{at}", created_at=at, input=[asked], output=[])


class Filled(Struct):
    """How fast a store was filled, group by group.

    Attributes:
        rates: the messages that were imported a second.
        held: the memory that the process held then, in MiB.
    """

    rates: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)

    def claims(self, engine: str) -> list[Claim]:
        """Return the last tenth of the groups by the first."""
        tenth = len(self.rates) // 10 or 1
        first, last = (statistics.median(part) for part in _ends(self.rates, tenth))
        before, after = (statistics.median(part) for part in _ends(self.held, tenth))
        return [
            Claim(f"{engine}: imported, the last tenth of the messages", last, unit="messages/s"),
            Claim(f"{engine}: imported, the last tenth by the first", last / first),
            Claim(
                f"{engine}: memory, the last tenth beyond the first",
                after - before,
                most=_GROWTH_MIB,
                unit="MiB",
            ),
        ]


def _ends(samples: list[float], count: int) -> tuple[list[float], list[float]]:
    return samples[:count], samples[-count:]


async def fill(url: str, messages: int) -> Filled:
    """Fill a store with conversations, of which one has a tenth of all messages.

    Args:
        url: the database's URL.
        messages: how many messages to write. For each conversation but the longest, there are a
            completion and a response, too.
    """
    filled, number = Filled(), messages * 9 // 10 // A_CONVERSATION
    async with open_archive(url) as archive:
        for first in range(0, number, _A_GROUP):
            names = range(first, min(first + _A_GROUP, number))
            group = [_thread(str(name), A_CONVERSATION, name * 60) for name in names]
            begun = time.perf_counter()
            await archive.import_conversations(group)
            filled.rates.append(len(group) * A_CONVERSATION / (time.perf_counter() - begun))
            filled.held.append(mebibytes(os.getpid(), "VmRSS"))
            unchanging = [made(at) for made in (_completion, _response) for at in names]
            await archive.import_unchanging(unchanging)
        await archive.import_thread(_thread("long", messages // 10, 30))
    return filled
