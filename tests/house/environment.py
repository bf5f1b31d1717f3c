"""An empty Python environment that can import Backscroll's dependencies.

A path file makes the dependencies importable from the environment of the tests: installing them
would make the test depend on the network and on the day. Editable installs there are not visible,
because path files in a folder that a path file names are not read.
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
    """Create an environment with some packages, and return the folder of its commands.

    Args:
        folder: the folder of the new environment.
        installed: wheels, or folders of projects, which are built with the tools installed here.
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
    """Return the folder with Backscroll's dependencies."""
    return sysconfig.get_path("purelib")


def variables(**settings: object) -> dict[str, str]:
    """Return environment variables with only these settings, and with downloads turned off."""
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
    """Run a command to its end and return its output; a failure shows its errors."""
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
