"""`creates`: messages that the store acknowledges, so that a power cut cannot take them."""

import asyncio
import json
import sqlite3
import time
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import Final, cast

from starlette.types import Message, Scope

from backscroll.database.sqlite_engine import journal_mode
from backscroll.store.app import open_store
from backscroll_tools.models import JSON
from bench.conversations import database
from bench.figures import Outcome, Row, UnmeasuredError, figures, interleaved, ratio
from bench.peers.sqlite_loop import SqliteLoop
from bench.trial import Trial

ROUNDS: Final = 12
A_ROUND: Final = 96
AT_ONCE: Final = 16
TEXT: Final = "Yes, the parcel that you sent on Monday came this morning, thank you!"

ALONE: Final = "Backscroll, one after the other"
TOGETHER: Final = f"Backscroll, {AT_ONCE} at once"
BARE: Final = "sqlite3, one after the other"

_SCOPE: Final[Scope] = {
    "type": "http",
    "http_version": "1.1",
    "method": "POST",
    "scheme": "http",
    "root_path": "",
    "query_string": b"",
    "headers": [(b"openai-beta", b"assistants=v2"), (b"content-type", b"application/json")],
}
"""What a server makes of each request, except its path."""


class _Store:
    """The store at its wire, in this process, and no client above it: sqlite3 has none."""

    async def open(self, stack: AsyncExitStack, url: str) -> None:
        """Open the store, until the stack is closed, and create a thread."""
        store = await stack.enter_async_context(open_store(url))
        self._app = store.app
        thread = await self._post("/threads", {})
        self._path = f"/threads/{thread['id']}/messages"

    async def create(self, number: int, at_once: int) -> None:
        """Create so many messages, so many of them at a time."""
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(self._create(number // at_once))

    async def _create(self, number: int) -> None:
        for _ in range(number):
            await self._post(self._path, {"role": "user", "content": TEXT})

    async def _post(self, path: str, body: JSON) -> JSON:
        content = json.dumps(body).encode()
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": content}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app({**_SCOPE, "path": f"/v1{path}"}, receive, send)
        start, *rest = sent
        if start["status"] != HTTPStatus.OK:
            raise UnmeasuredError(f"the store answers {start['status']}")
        return cast("JSON", json.loads(b"".join(message.get("body", b"") for message in rest)))


def _measure(trial: Trial) -> Outcome:
    creates = trial.size(A_ROUND, quick=32)
    store = _Store()
    stack = AsyncExitStack()
    mode = journal_mode(sqlite3.sqlite_version_info)
    with database(durable=True) as url, asyncio.Runner() as runner:
        bare = SqliteLoop(f"{url.removeprefix('sqlite:///')}.bare", mode)
        runner.run(store.open(stack, url))

        def ours(at_once: int) -> float:
            begun = time.perf_counter()
            runner.run(store.create(creates, at_once))
            return creates / (time.perf_counter() - begun)

        def theirs() -> float:
            begun = time.perf_counter()
            bare.create(creates, TEXT)
            return creates / (time.perf_counter() - begun)

        samples = interleaved(
            {ALONE: lambda: ours(1), TOGETHER: lambda: ours(AT_ONCE), BARE: theirs},
            trial.rounds(ROUNDS, "creating messages"),
        )
        bare.close()
        runner.run(stack.aclose())
    return Outcome(
        figures("creates/s", samples),
        (
            ratio(
                "one after the other: the store by sqlite3",
                samples[ALONE],
                samples[BARE],
                least=0.65,
            ),
            ratio(
                f"{AT_ONCE} at once: the store by sqlite3",
                samples[TOGETHER],
                samples[BARE],
                least=2.5,
            ),
        ),
        (f"Both with `synchronous=FULL` and `journal_mode={mode}`.",),
    )


CREATES: Final = Row(
    "creates", "acknowledged creates a second, beside a bare loop of sqlite3's", _measure
)
