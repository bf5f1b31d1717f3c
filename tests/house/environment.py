"""An environment that has nothing of its own, and what Backscroll depends on.

The dependencies are seen through a path file, and are those that the tests run with: installed
anew, they would make a test of the network and of the day. What is installed in place here stays
unseen, since a path file in a folder that a path file names is not read.
"""

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.pace import limit_s

UV: Final = Path(sysconfig.get_path("scripts")) / "uv"


def made(folder: Path, *installed: Path) -> Path:
    """Return the folder of commands of a new environment in which these are installed.

    Args:
        folder: where the environment is to be.
        installed: wheels, or folders of projects, which are built with what is here.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(f"{dependencies()}\n")
    scripts = folder / "bin"
    run(
        UV, "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", *installed,
        "--python", scripts / "python",
    )  # fmt: skip
    return scripts


def dependencies() -> str:
    """Return the folder with what Backscroll depends on."""
    return sysconfig.get_path("purelib")


def variables(**settings: object) -> dict[str, str]:
    """Return an environment without settings but these, in which nothing is fetched."""
    others = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BACKSCROLL_", "OPENAI_", "PYTHON", "VIRTUAL_ENV"))
    }
    given = {f"BACKSCROLL_{name.upper()}": str(value) for name, value in settings.items()}
    return others | {"UV_OFFLINE": "1", "UV_PYTHON_DOWNLOADS": "never"} | given


def run(
    *command: str | Path, environ: Mapping[str, str] | None = None, timeout_s: float = 50
) -> str:
    """Run a command to its end and return what it printed; what it said is in a failure."""
    finished = subprocess.run(
        command,
        capture_output=True,
        check=False,
        cwd=Path(sys.prefix).anchor,
        encoding="utf-8",
        env=environ or variables(),
        timeout=limit_s(timeout_s),
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout
