"""`backscroll sync` in a process of its own, which starts quickly and can be killed."""

import multiprocessing
import os
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import anyio

_PRELOADED = (
    "backscroll.commands.sync.command",
    "backscroll.commands.sync.running",
    "backscroll.commands.sync.unchanged",
    "backscroll.database.opening",
    "backscroll.database.sqlite",
    "backscroll.history.formats.registry",
    "backscroll.store.archive.importing",
    "backscroll.store.archive.opening",
)


@dataclass(frozen=True, slots=True)
class SyncProcess:
    """A sync that was started.

    Attributes:
        process: the process, which exits with the command's exit code.
        begun: is set once the command starts.
        said: gets what the command writes to stdout and stderr.
    """

    process: BaseProcess
    begun: Event
    said: Path

    async def exited(self) -> int | None:
        """Wait until the process has exited, and return its exit code.

        `process.join` does not run in a thread, because starting a process polls all that were
        started before, and of two threads that poll one process, one gets a wrong exit code.
        """
        await anyio.wait_readable(self.process.sentinel)
        self.process.join()
        return self.process.exitcode


def started(url: str, home: Path, said: Path) -> SyncProcess:
    """Start `backscroll sync claude-code codex`.

    Args:
        url: the database.
        home: the home folder, which has the sessions.
        said: the file that gets the command's output.
    """
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__, *_PRELOADED])
    begun = processes.Event()
    process = processes.Process(target=_sync, args=(url, environment(home), said, begun))
    process.start()
    return SyncProcess(process, begun, said)


def environment(home: Path) -> dict[str, str]:
    """Return the variables that tell a program where the sessions are."""
    return {
        "HOME": str(home),
        "CLAUDE_CONFIG_DIR": str(home / ".claude"),
        "CODEX_HOME": str(home / ".codex"),
    }


def _sync(url: str, variables: Mapping[str, str], said: Path, begun: Event) -> None:
    from backscroll.cli import commands

    os.environ.update(variables)
    with said.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    begun.set()
    commands.main(["sync", "claude-code", "codex", "--database", url], prog_name="backscroll")
