"""What the project builds, for all tests of it."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.documents import ROOT


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder with the source distribution, and with the wheel built from that.

    Processes of one test run share it.
    """
    folder = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        folder = folder.parent
    whole = folder / "built"
    with (folder / "built.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            begun = tmp_path_factory.mktemp("building")
            subprocess.run(
                [sys.executable, "-m", "build", "--no-isolation", "--outdir", begun, ROOT],
                capture_output=True,
                check=True,
            )
            begun.rename(whole)
    return whole
