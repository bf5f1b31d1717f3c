"""Runs a worker process. Several workers serve the same port."""

import asyncio
import os
import signal
import socket
from multiprocessing.connection import Connection
from typing import Final

import anyio

from backscroll.http.app import opened
from backscroll.http.auth import access
from backscroll.http.serving.answering import answer, freeze, prepare
from backscroll.process.exits import clean_exit
from backscroll.settings.model import Settings

READY: Final = b"ready"
"""The message that a worker sends to its supervisor when it is ready."""

STOP: Final = b"stop"
"""The message that tells a worker to finish its requests and exit."""

_CUT: Final = 1
"""The exit code of a worker that exits without finishing its requests."""


def work(settings: Settings, host: str, listener: socket.socket, keeper: Connection) -> None:
    """Serve requests until SIGTERM, or until the supervisor sends `STOP` or exits.

    Args:
        settings: the settings of the worker.
        host: the address that the server listens on.
        listener: the listening socket.
        keeper: the connection to the supervisor.

    Raises:
        SystemExit: with code 2, after one line on stderr, if the worker cannot start.
    """
    with clean_exit():
        prepare(settings)
        asyncio.run(_work(settings, host, listener, keeper))


async def _work(settings: Settings, host: str, listener: socket.socket, keeper: Connection) -> None:
    stopping = asyncio.Event()
    async with (
        opened(settings, access.allowed(settings, host)) as served,
        anyio.create_task_group() as tasks,
    ):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        tasks.start_soon(_heed, keeper, stopping)
        freeze()
        keeper.send_bytes(READY)
        await answer(served, settings, listener, stopping)
        tasks.cancel_scope.cancel()


async def _heed(keeper: Connection, stopping: asyncio.Event) -> None:
    """Set `stopping` when the supervisor sends `STOP` or exits.

    If the supervisor exits after it has sent `STOP`, exit immediately.
    """
    await anyio.wait_readable(keeper)
    stopping.set()
    try:
        keeper.recv_bytes()
    except (EOFError, OSError):
        return
    await anyio.wait_readable(keeper)
    os._exit(_CUT)
