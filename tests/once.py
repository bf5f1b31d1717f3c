"""What takes long to make, made once for all processes of a test run."""

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(
    factory: pytest.TempPathFactory, worker_id: str, name: str, make: Callable[[Path], object]
) -> Path:
    """Return a file or a folder that the processes of a test run share. The first one makes it.

    Args:
        factory: the fixture `tmp_path_factory`.
        worker_id: the fixture of pytest-xdist.
        name: the name of the file or folder.
        make: makes it at the given path.
    """
    folder = factory.getbasetemp()
    if worker_id != "master":
        folder = folder.parent
    whole = folder / name
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():  # what was made in part, before a failure, is not there
            begun = factory.mktemp("begun") / name
            make(begun)
            begun.rename(whole)
    return whole
