"""One run of a host in an empty home folder, connected as a user connects it."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.figures import UnmeasuredError
from bench.hosts.home import finished, home
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
        served(program.api, STEPS) as model,
        home(program, model.address, model.address, installed) as (environ, work),
    ):
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
        command = (str(installed / ".bin" / program.program), *program.options)
        exit_code, output = finished(command, environ, work, timeout_s)
        return Run(model, exit_code, output[-OUTPUT_CHARS:])
