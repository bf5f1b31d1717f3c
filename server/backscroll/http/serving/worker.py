"""One of several processes that answer on one port."""

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
"""What a worker says once it answers."""

STOP: Final = b"stop"
"""What it is told when it is to end what runs, and itself."""

_CUT: Final = 1


def work(settings: Settings, host: str, listener: socket.socket, keeper: Connection) -> None:
    """Answer requests until told to stop, or until nobody is there to say so.

    Args:
        settings: of the operator.
        host: what is listened on.
        listener: where requests come in.
        keeper: the process that started this one.

    Raises:
        SystemExit: 2, after one line on stderr, where it cannot begin.
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
    """Stop when told to, or when the keeper has gone; where it goes meanwhile, end at once."""
    await anyio.wait_readable(keeper)
    stopping.set()
    try:
        keeper.recv_bytes()
    except (EOFError, OSError):
        return
    await anyio.wait_readable(keeper)
    os._exit(_CUT)
