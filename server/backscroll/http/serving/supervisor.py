"""Starts several worker processes that serve the same port, and replaces workers that exit."""

import asyncio
import logging
import multiprocessing
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Final

import anyio

from backscroll.http import metrics
from backscroll.http.app import opened
from backscroll.http.auth import access
from backscroll.http.serving import worker
from backscroll.http.serving.answering import CUT_S
from backscroll.process.exits import CommandError
from backscroll.settings.model import Settings

AGAIN_S: Final = 1.0
"""How long to wait before an exited worker is replaced, in seconds."""

START_S: Final = 60.0
"""The maximum time that a worker may take to become ready, in seconds."""

LEAVE_S: Final = 5.0
"""The maximum time that a worker may take to exit after its requests have ended, in seconds."""

_log: Final = logging.getLogger("backscroll.http")
_spawn: Final = multiprocessing.get_context("spawn")


async def supervise(  # noqa: PLR0913 - tests set shorter times
    settings: Settings,
    host: str,
    listeners: Sequence[socket.socket],
    stopping: asyncio.Event,
    ready: Callable[[], None],
    *,
    start_s: float = START_S,
    leave_s: float = LEAVE_S,
    again_s: float = AGAIN_S,
) -> None:
    """Run a worker on each listener until `stopping` is set. Then wait until all have exited.

    A worker that exits before `stopping` is set is replaced. Its open connections are lost, but
    connections that are waiting to be accepted are kept.

    Args:
        settings: the operator's settings.
        host: the address that the server listens on.
        listeners: the listening sockets, one for each worker.
        stopping: the event that the caller sets to stop the workers.
        ready: called once, when all workers are ready.
        start_s: the maximum time that a worker may take to become ready, in seconds.
        leave_s: the maximum time that a worker may take to exit after its requests have ended, in
            seconds. After this time, it is killed.
        again_s: how long to wait before an exited worker is replaced, in seconds.

    Raises:
        CommandError: the store's database or the token issuer cannot be used, or a worker exited
            before it was ready.
        SettingsError: the upstream's settings are not valid.
        StoreError: the token database cannot be used.
    """
    if sys.platform == "win32":
        raise CommandError(
            "BACKSCROLL_HTTP_WORKERS must be 1 on Windows; start several servers instead"
        )
    with metrics.shared():
        async with opened(settings, access.allowed(settings, host)):
            pass  # prepare the database once, and report any error once, before the workers start
        workers = _Supervisor(
            settings,
            host,
            stopping,
            ready,
            len(listeners),
            start_s=start_s,
            leave_s=leave_s,
            again_s=again_s,
        )
        async with anyio.create_task_group() as tasks:
            for number, listener in enumerate(listeners):
                tasks.start_soon(workers.keep, listener, settings_of_worker(settings, number))
    if workers.unready:
        raise CommandError("a worker exited before it was ready; the log above has its error")


def settings_of_worker(settings: Settings, number: int) -> Settings:
    """Return the settings of a worker. Only the first worker, number 0, syncs the sources."""
    return settings if number == 0 else replace(settings, sources=())


class _Supervisor:
    def __init__(  # noqa: PLR0913 - same parameters as `supervise`
        self,
        settings: Settings,
        host: str,
        stopping: asyncio.Event,
        ready: Callable[[], None],
        number: int,
        *,
        start_s: float,
        leave_s: float,
        again_s: float,
    ) -> None:
        self._settings = settings
        self._host = host
        self._stopping = stopping
        self._ready = ready
        self._missing = number
        self._start_s = start_s
        self._leave_s = leave_s
        self._again_s = again_s
        self.unready = False
        """Whether a worker exited before it was ready."""

    async def keep(self, listener: socket.socket, settings: Settings) -> None:
        """Run a worker on a listener, and replace it if it exits, until `stopping` is set.

        Args:
            listener: the worker's listening socket.
            settings: the worker's settings.
        """
        answered = False
        while not self._stopping.is_set():
            pid, code, answers = await self._live(listener, settings, first=not answered)
            answered |= answers
            if not answered and not self._stopping.is_set():
                self.unready = True
                self._stopping.set()
            if self._stopping.is_set():
                break
            _log.error("worker %d exited (exit code %s): starting another", pid, code)
            with anyio.move_on_after(self._again_s):
                await self._stopping.wait()
        listener.close()  # otherwise new connections would wait forever

    async def _live(
        self, listener: socket.socket, settings: Settings, *, first: bool
    ) -> tuple[int, int | None, bool]:
        """Run a worker until it exits.

        Args:
            listener: the worker's listening socket.
            settings: the worker's settings.
            first: whether no worker has become ready on this listener yet.

        Returns:
            The worker's process id, its exit code, and whether it became ready.
        """
        ours, theirs = _spawn.Pipe()
        arguments = (settings, self._host, listener, theirs)
        process = _spawn.Process(target=worker.work, args=arguments)
        with ours:
            with theirs, _interrupts_held():
                process.start()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._end, process, ours)
                answers = False
                with anyio.move_on_after(self._start_s) as starting:
                    answers = await _says(ours)
                if starting.cancelled_caught:
                    _log.error("worker %d was not ready within %g s", process.pid, self._start_s)
                    process.kill()
                if answers and first:
                    self._note_ready()
                if answers:
                    await _says(ours)
                tasks.cancel_scope.cancel()
        # Not joined in a thread: starting another worker polls this one too, and of two threads
        # that poll a process, one does not get its exit code.
        await anyio.wait_readable(process.sentinel)
        process.join()
        pid = process.pid or 0
        metrics.forget(pid)
        return pid, process.exitcode, answers

    async def _end(self, process: SpawnProcess, ours: Connection) -> None:
        """When `stopping` is set, tell the worker to stop, and kill it if it takes too long."""
        await self._stopping.wait()
        with suppress(OSError):  # the worker has already exited
            ours.send_bytes(worker.STOP)
        await anyio.sleep(self._settings.http_drain_s + CUT_S + self._leave_s)
        process.kill()

    def _note_ready(self) -> None:
        self._missing -= 1
        if not self._missing and not self._stopping.is_set():
            self._ready()


async def _says(worker: Connection) -> bool:
    """Wait for a message from a worker. Return False if the worker exits without sending one."""
    await anyio.wait_readable(worker)
    try:
        worker.recv_bytes()
    except (EOFError, OSError):
        return False
    return True


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Block SIGINT in the processes that are started within the context.

    On Ctrl-C, a terminal sends SIGINT to all processes, but only the supervisor should handle it.
    """
    resource_tracker.ensure_running()  # must come first: starting the tracker unblocks SIGINT
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
