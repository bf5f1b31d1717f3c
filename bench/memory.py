"""How much memory another process holds."""

import re
from pathlib import Path
from typing import Literal

from bench.figures import UnmeasuredError


def mebibytes(pid: int, what: Literal["VmRSS", "VmHWM"]) -> float:
    """Return what a process holds now (`VmRSS`), or held at most (`VmHWM`).

    The names are those of proc_pid_status(5).

    Raises:
        UnmeasuredError: this system has no /proc.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError as error:
        raise UnmeasuredError("memory is read from Linux's /proc, which is not here") from error
    found = re.search(rf"^{what}:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise UnmeasuredError(f"this Linux does not tell {what}")
    return int(found[1]) / 1024
