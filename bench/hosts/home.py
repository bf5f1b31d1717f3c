"""An empty home folder in which a program from npm runs, without a screen and to its end."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.hosts.programs import INSTALLED, HostProgram


@contextmanager
def home(
    program: HostProgram, address: str, proxy: str, installed: Path = INSTALLED
) -> Iterator[tuple[dict[str, str], Path]]:
    """Make a home folder, and yield the environment variables and a folder to work in.

    The variables contain none of this process's except PATH.

    Args:
        program: the program, which needs files in its home folder.
        address: the URL of its model server, without a path.
        proxy: the URL of a proxy, which every request to another machine gets.
        installed: the folder `node_modules` with the program.
    """
    with tempfile.TemporaryDirectory(prefix="backscroll-host-") as folder:
        place, work = Path(folder, "home"), Path(folder, "work")
        for made in (place, work):
            made.mkdir()
        for name, text in program.files(address).items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        node = Path(sys.executable).parent
        environ = {
            "HOME": str(place),
            "LANG": "C.UTF-8",
            "PATH": os.pathsep.join((str(installed / ".bin"), str(node), os.environ["PATH"])),
            "TERM": "dumb",
            "NO_COLOR": "1",
            "CI": "1",
            "HTTP_PROXY": proxy,
            "HTTPS_PROXY": proxy,
            "NO_PROXY": "127.0.0.1,localhost",
            **program.environ(address),
        }
        yield environ, work


def finished(
    command: tuple[str, ...],
    environ: Mapping[str, str],
    work: Path,
    timeout_s: float,
    said: str = "",
) -> tuple[int, str]:
    """Run a program to its end, and return its exit code and output.

    It gets a process group of its own, which is ended with it: a program that exits early would
    otherwise leave its servers running.

    Args:
        command: the program and its arguments.
        environ: its environment variables.
        work: the folder to run it in.
        timeout_s: how many seconds it may take.
        said: what it reads on stdin.
    """
    process = subprocess.Popen(
        command,
        env=environ,
        cwd=work,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(said, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        output += f"\n(ended after {timeout_s:g} s)"
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
    return process.returncode, output
