"""Opens what the recorder needs beside the store's database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec import Struct

from backscroll.database.port import Database
from backscroll.store.clock import Clock
from backscroll.store.recorder.model_server import ModelServer
from backscroll.store.recorder.relaying.forwarding import Forwarding, connected
from backscroll.store.recorder.responses.background.runs import Runs, open_runs


class Recorder(Struct, frozen=True):
    """An open recorder.

    Attributes:
        forwarding: sends requests to the model server.
        runs: the responses that run in the background.
    """

    forwarding: Forwarding
    runs: Runs


@asynccontextmanager
async def open_recorder(
    server: ModelServer, database: Database, clock: Clock
) -> AsyncIterator[Recorder]:
    """Open the connections to a model server. On exit, responses in the background are ended.

    Args:
        server: the model server.
        database: the store's database.
        clock: the process's clocks.
    """
    async with connected(server) as forwarding, open_runs(database, clock, server) as runs:
        yield Recorder(forwarding, runs)
