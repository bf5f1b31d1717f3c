"""What the project builds, for all tests of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.documents import ROOT
from tests.once import made_once


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder with the source distribution, and with the wheel built from that."""

    def build(folder: Path) -> None:
        subprocess.run(
            [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
            capture_output=True,
            check=True,
        )

    return made_once(tmp_path_factory, worker_id, "built", build)
