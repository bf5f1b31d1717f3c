"""Runs `backscroll sync --watch` as a process, which syncs the sessions of other programs.

The process has a lower priority than the server, which answers calls in the meantime.
"""

import asyncio
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

import anyio

from backscroll.settings.model import PREFIX, Settings

START_AFTER_S: Final = 1.0
"""The delay after which the process is started, in seconds, so that it does not slow down the first
requests of a host."""

CATCH_UP_S: Final = 0.3
"""How long a search waits at most for the import of changed files, in seconds."""

END_S: Final = 2.0
"""How long the process may take to end before it is killed, in seconds."""

_log: Final = logging.getLogger(__name__)


class SyncProcess:
    """The process that syncs sources. It runs until the context is exited.

    Args:
        settings: the operator's settings, which name the sources.
        start_after_s: the delay between entering the context and starting the process, in seconds.
        end_s: how long the process may take to end before it is killed, in seconds.

    Attributes:
        started: is set once the process was started, or failed to start.
        importing: the names of the sources while their sessions are imported for the first time.
            Empty after that, and also after the process has ended or failed to start.
    """

    def __init__(
        self, settings: Settings, start_after_s: float = START_AFTER_S, end_s: float = END_S
    ) -> None:
        self._settings = settings
        self._start_after_s = start_after_s
        self._end_s = end_s
        self.started = asyncio.Event()
        self.importing = settings.sources
        self._process: Process | None = None
        self._running: asyncio.Task[None] | None = None
        self._open: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._running is not None:
            self._running.cancel()
            # A server that is cancelled still waits until the process has ended.
            with anyio.CancelScope(shield=True), suppress(asyncio.CancelledError):
                await self._running

    async def catch_up(self, limit_s: float = CATCH_UP_S) -> None:
        """Wait until all changes in files up to now are imported, but not longer than `limit_s`.

        If the process has not answered an earlier request yet, it is busy with a large import, and
        this method returns at once.

        Args:
            limit_s: the maximum time to wait, in seconds.
        """
        if self._process is None or self._process.stdin is None or self._open is not None:
            return
        self._open = asyncio.get_running_loop().create_future()
        self._process.stdin.write(b"\n")
        await asyncio.wait([self._open], timeout=limit_s)

    async def _run(self) -> None:
        await asyncio.sleep(self._start_after_s)
        try:
            self._process = process = await self._begun()
        except OSError as error:
            self.importing = ()
            _log.warning("the sync of sources cannot be started: %s", error.strerror)
            return
        finally:
            self.started.set()
        try:
            while process.stdout is not None and (line := await process.stdout.readline()):
                if line.strip():  # the first import has ended; see commands/sync/on_request.py
                    self.importing = ()
                else:
                    self._answered()
            _log.warning("the sync of sources ended; run `backscroll sync` to see why")
        finally:
            await self._end(process)

    async def _begun(self) -> Process:
        variables = {
            "DATABASE": self._settings.database,
            "PROJECT": self._settings.project,
            "INDEX": self._settings.index,
        }
        given = {f"{PREFIX}{name}": value for name, value in variables.items()}
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "backscroll", "sync", *self._settings.sources),
            *("--watch", "--on-request"),
            stdin=PIPE,
            stdout=PIPE,
            env=os.environ | given,
        )

    def _answered(self) -> None:
        if self._open is not None:
            self._open.set_result(None)
            self._open = None

    async def _end(self, process: Process) -> None:
        self._process, self.importing = None, ()
        self._answered()
        if process.stdin is not None:
            process.stdin.close()
        # On Python 3.11.2, `asyncio.timeout` raises no TimeoutError in a cancelled task.
        with anyio.move_on_after(self._end_s):
            await process.wait()
            return
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
