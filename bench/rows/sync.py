"""`sync`: the first sync of session logs, a sync with nothing new, and what is left on disk."""

import asyncio
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backscroll.history.sources.finding import FoundSource, found
from backscroll.history.sources.source import Surroundings
from backscroll.history.sync.reading import read_file
from backscroll.history.sync.syncing import SyncOptions, sync
from backscroll.store.app import open_store
from bench.figures import Claim, Outcome, Row, UnmeasuredError, figures, interleaved, ratio
from bench.session_logs import MEGABYTE
from bench.trial import Trial

ROUNDS: Final = 3
MEGABYTES: Final = 40
"""How many megabytes of logs there are, unless `--megabytes` says otherwise."""

PARSED: Final = "Backscroll, parsed alone"
WRITTEN: Final = "Backscroll, parsed, written and indexed"
FIRST: Final = "Backscroll, whole first sync"
AGAIN: Final = "Backscroll, nothing new"
FLOOR: Final = "json.loads of each line"
PEER: Final = "agentsview, whole first sync"
PEER_AGAIN: Final = "agentsview, nothing new"

LEAST_PARSED: Final = 40.0
"""The minimum megabytes of logs that a second of CPU parses."""
LEAST_SYNCED: Final = 15.0
"""The minimum megabytes of logs that a second of CPU parses, writes and indexes."""
MOST_AGAIN_S: Final = 1.0
"""The maximum seconds of CPU of a sync with nothing new."""
MOST_MIB: Final = 300.0
"""The maximum memory of a first sync, in MiB."""

_ROOT: Final = Path(__file__).parents[2]
_AGENTSVIEW: Final = _ROOT / ".cache" / "archives-venv" / "bin" / "agentsview"
_OFFLINE: Final = ("unshare", "--map-root-user", "--net")
"""Runs a command without a network, on Linux."""


@dataclass(frozen=True, slots=True)
class Run:
    """A command that has ended.

    Attributes:
        cpu_s: its CPU time, in seconds.
        peak_mib: the most memory that it held, in MiB.
    """

    cpu_s: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Logs:
    """Session logs of Claude Code and Codex in a home folder.

    Attributes:
        home: the home folder.
        size: the total size of the logs, in bytes.
    """

    home: Path
    size: int

    def rate(self, cpu_s: float) -> float:
        """Return the megabytes that were read in a second, if all were read in this time."""
        return self.size / MEGABYTE / cpu_s

    def found(self) -> Sequence[FoundSource]:
        """Return the sources as a sync on Linux finds them."""
        return found(Surroundings({}, self.home, "linux"))

    def environment(self) -> dict[str, str]:
        """Return the environment of a program whose home folder this is."""
        moved = {"CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"}
        kept = {name: value for name, value in os.environ.items() if name not in moved}
        return {**kept, "HOME": str(self.home)}


def made_logs(folder: Path, megabytes: int) -> Logs:
    """Write session logs to a home folder, in a process of its own, so that this one stays small.

    Args:
        folder: the home folder; it must not exist.
        megabytes: the total size to reach.
    """
    written = folder / "logs"
    size = ("--megabytes", str(megabytes))
    command = (sys.executable, "-m", "bench.session_logs", str(written), *size)
    subprocess.run(command, cwd=_ROOT, check=True, stdout=subprocess.DEVNULL)
    for program, part in ((".claude", "projects"), (".codex", "sessions")):
        (folder / program).mkdir()
        (written / part).rename(folder / program / part)
    return Logs(folder, sum(path.stat().st_size for path in _paths(folder)))


def run(command: Sequence[str | Path], environment: Mapping[str, str]) -> Run:
    """Run a command to its end.

    It is started by a new, small process, because Linux counts the memory of the process that
    starts a program as memory of the program.

    Raises:
        UnmeasuredError: it failed, or this system does not say what a process took.
    """
    if sys.platform == "win32":
        raise UnmeasuredError("Windows does not say what a process took")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as small:
        return small.submit(_run, command, dict(environment)).result()


def _run(command: Sequence[str | Path], environment: Mapping[str, str]) -> Run:
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise UnmeasuredError(f"{Path(command[0]).name} failed: {last}")
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Run(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def _paths(home: Path) -> Iterator[Path]:
    return (path for path in home.rglob("*.jsonl") if path.is_file())


def _floor(logs: Logs) -> float:
    begun = time.process_time()
    for path in _paths(logs.home):
        with path.open("rb") as file:
            for line in file:
                json.loads(line)
    return logs.rate(time.process_time() - begun)


def _parsed(logs: Logs) -> float:
    begun = time.process_time()
    for source in logs.found():
        for file in source.files:
            for record in read_file(file, source.source):
                for _ in getattr(record, "items", ()):
                    pass
    return logs.rate(time.process_time() - begun)


def _written(logs: Logs, folder: Path) -> float:
    async def write(url: str) -> float:
        async with open_store(url) as store:
            begun = time.process_time()
            await sync(store, logs.found(), read_file, SyncOptions(redact=False))
            return time.process_time() - begun

    with tempfile.TemporaryDirectory(dir=folder) as inside:
        return logs.rate(asyncio.run(write(f"sqlite:///{inside}/bench.db")))


@dataclass(slots=True)
class _Program:
    """A program that syncs the logs into a database of its own.

    Attributes:
        command: what to run.
        data: the folder of its data, which is emptied before each first sync.
        database: the file in this folder.
        environment: the environment of the command.
        peak_mib: the most memory that a first sync held.
        again_s: the CPU time of each sync with nothing new, in seconds.
    """

    command: Sequence[str | Path]
    data: Path
    database: str
    environment: Mapping[str, str]
    peak_mib: float
    again_s: list[float]

    def first(self, logs: Logs) -> float:
        """Sync into a new database, and then again; return the rate of the first sync."""
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir()
        whole = run(self.command, self.environment)
        self.peak_mib = max(self.peak_mib, whole.peak_mib)
        self.again_s.append(run(self.command, self.environment).cpu_s)
        return logs.rate(whole.cpu_s)

    @property
    def size(self) -> int:
        """The size of the database, in bytes."""
        return sum(path.stat().st_size for path in self.data.glob(f"{self.database}*"))


def _backscroll(logs: Logs, folder: Path) -> _Program:
    data = folder / "backscroll"
    command = (sys.executable, "-m", "backscroll", "sync", "claude-code", "codex")
    database = ("--database", f"sqlite:///{data / 'bench.db'}")
    return _Program((*command, *database), data, "bench.db", logs.environment(), 0, [])


def _agentsview(logs: Logs, folder: Path) -> _Program:
    """Return agentsview without a network, because it reports how it is used.

    Raises:
        UnmeasuredError: it is not installed, or this system cannot take the network from it.
    """
    if not _AGENTSVIEW.exists():
        raise UnmeasuredError("agentsview is not installed: make .cache/archives-venv/.ready")
    try:
        run((*_OFFLINE, "true"), os.environ)
    except (OSError, UnmeasuredError) as error:
        raise UnmeasuredError("agentsview was left out: it needs Linux's `unshare`") from error
    data = folder / "agentsview"
    environment = logs.environment() | {
        "AGENTSVIEW_NO_DAEMON": "1",
        "AGENTSVIEW_DATA_DIR": str(data),
    }
    return _Program((*_OFFLINE, _AGENTSVIEW, "sync"), data, "sessions.db", environment, 0, [])


def _measure(trial: Trial) -> Outcome:
    megabytes = trial.megabytes or trial.size(MEGABYTES, quick=2, long=1_000)
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="backscroll-bench-") as name:
        folder = Path(name)
        logs = made_logs(folder / "home", megabytes)
        ours, peer = _backscroll(logs, folder), None
        contenders = {
            FLOOR: lambda: _floor(logs),
            PARSED: lambda: _parsed(logs),
            WRITTEN: lambda: _written(logs, folder),
            FIRST: lambda: ours.first(logs),
        }
        try:
            peer = _agentsview(logs, folder)
            contenders[PEER] = lambda: peer.first(logs)
        except UnmeasuredError as error:
            notes.append(str(error))
        samples = interleaved(contenders, trial.rounds(ROUNDS, "syncing"))
        claims = [
            ratio("parsed alone, by json.loads of each line", samples[PARSED], samples[FLOOR]),
            ratio("the whole first sync, by json.loads", samples[FIRST], samples[FLOOR]),
            _least(PARSED, samples[PARSED], LEAST_PARSED),
            _least(WRITTEN, samples[WRITTEN], LEAST_SYNCED),
            _least(FIRST, samples[FIRST], LEAST_SYNCED),
            Claim("CPU with nothing new", max(ours.again_s), most=MOST_AGAIN_S, unit="s"),
            Claim("memory of a first sync, at most", ours.peak_mib, most=MOST_MIB, unit="MiB"),
            Claim("the database by the logs", ours.size / logs.size),
        ]
        again = {AGAIN: ours.again_s}
        if peer is not None:
            again[PEER_AGAIN] = peer.again_s
            claims += (
                ratio("first sync by agentsview's", samples[FIRST], samples[PEER], least=1),
                ratio("nothing new by agentsview", ours.again_s, peer.again_s, most=1),
                Claim("the database by agentsview's", ours.size / peer.size, most=1),
                Claim("memory of agentsview's first sync, at most", peer.peak_mib, unit="MiB"),
            )
        about = (
            f"{trial.arguments()}Megabytes of logs by second of CPU, of"
            f" {logs.size / MEGABYTE:,.0f} MB of generated "
            "session logs, half of Claude Code and half of Codex. A whole first sync is the "
            "command with its start, and replaces secrets. agentsview runs without a network."
        )
    return Outcome(
        (*figures("MB/s", samples), *figures("s", again)), tuple(claims), (about, *notes)
    )


def _least(name: str, rates: Sequence[float], least: float) -> Claim:
    return Claim(name, statistics.median(rates), least=least, unit="MB/s")


SYNC: Final = Row("sync", "bringing session logs into the store, and what is new", _measure)
