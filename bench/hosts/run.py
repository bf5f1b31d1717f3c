"""One run of a host in an empty home folder, connected as a user connects it."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.figures import UnmeasuredError
from bench.hosts.model import Model, served
from bench.hosts.programs import INSTALLED, HostProgram
from bench.hosts.threads import STEPS

TIMEOUT_S: Final = 180
"""How many seconds a host may take for its four turns."""

OUTPUT_CHARS: Final = 2_000
"""How many characters of a host's output are kept, from the end."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a run left.

    Attributes:
        model: the scripted model, with the host's requests.
        exit_code: the host's exit code; negative if a signal ended it.
        output: the end of what the host printed.
    """

    model: Model
    exit_code: int
    output: str


def run(
    program: HostProgram,
    database: str,
    settings: Mapping[str, str],
    installed: Path = INSTALLED,
    timeout_s: float = TIMEOUT_S,
) -> Run:
    """Connect Backscroll to a host in an empty home folder, and let the host talk to the model.

    The host gets no environment variable of this process's except PATH. A proxy on loopback refuses
    every connection to another machine, and keeps its name.

    Args:
        program: the host.
        database: the URL of the database that the server reads.
        settings: options of `backscroll connect`, without dashes, such as `{"output": "both"}`.
            They replace what `connect` writes for the host.
        installed: the folder `node_modules` with the host.
        timeout_s: how many seconds the host may take.

    Raises:
        UnmeasuredError: `backscroll connect` failed.
    """
    with (
        tempfile.TemporaryDirectory(prefix="backscroll-host-") as folder,
        served(program.api, STEPS) as model,
    ):
        home, work = Path(folder, "home"), Path(folder, "work")
        work.mkdir()
        for name, text in program.files(model.address).items():
            path = home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        home.mkdir(exist_ok=True)
        node = Path(sys.executable).parent
        environ = {
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PATH": os.pathsep.join((str(installed / ".bin"), str(node), os.environ["PATH"])),
            "TERM": "dumb",
            "NO_COLOR": "1",
            "CI": "1",
            "HTTP_PROXY": model.address,
            "HTTPS_PROXY": model.address,
            "NO_PROXY": "127.0.0.1,localhost",
            **program.environ(model.address),
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        connecting = subprocess.run(
            (
                *(sys.executable, "-m", "backscroll", "connect", program.name, "--yes"),
                *(f"--database={database}", *options),
            ),
            env=environ,
            cwd=work,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            check=False,
            encoding="utf-8",
            timeout=timeout_s,
        )
        if connecting.returncode:
            raise UnmeasuredError(f"backscroll connect failed: {connecting.stdout[-500:]}")
        exit_code, output = _finished(
            (str(installed / ".bin" / program.program), *program.options), environ, work, timeout_s
        )
        return Run(model, exit_code, output[-OUTPUT_CHARS:])


def _finished(
    command: tuple[str, ...], environ: Mapping[str, str], work: Path, timeout_s: float
) -> tuple[int, str]:
    """Run a host to its end, and return its exit code and output.

    The host gets a process group of its own, which is ended with it: a host that exits early would
    otherwise leave its servers running.
    """
    process = subprocess.Popen(
        command,
        env=environ,
        cwd=work,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        output += f"\n(ended after {timeout_s:g} s)"
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
    return process.returncode, output
