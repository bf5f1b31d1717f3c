"""Finds out how Backscroll is installed, and returns commands that run or install it.

This module imports only the standard library, because it is used before other modules are imported.
"""

import json
import os
import re
import shlex
import shutil
import sys
import sysconfig
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Final

NAME: Final = "backscroll"
"""The name of the package and of its command."""

REPOSITORY: Final = "https://github.com/backscroll/backscroll"

SOURCE: Final = f"git+{REPOSITORY}"
"""The source of the package for `uv`, `pipx` and `pip`. Manifests, links and documents are rendered
from this value. The package is not on PyPI yet; once it is, the value will be `NAME`."""

_UV_CACHE: Final = re.compile(r"(?:archive|builds|environments)-v\d+")
"""Matches the names of the folders in uv's cache in which uvx creates environments."""

_EXTRA: Final = re.compile(r"extra == '([\w-]+)'")


def requirement(source: str = SOURCE, extras: tuple[str, ...] = ()) -> str:
    """Return the requirement that `uv`, `pipx` or `pip` installs, such as `backscroll[otel]`.

    Args:
        source: `NAME`, or the URL or path of the package.
        extras: the extras to install with it.
    """
    named = f"{NAME}[{','.join(extras)}]" if extras else NAME
    if source == NAME:
        return named
    return f"{named} @ {source}" if extras or source.startswith("file:") else source


def run_once(source: str = SOURCE, extras: tuple[str, ...] = (), uvx: str = "uvx") -> list[str]:
    """Return the command that runs Backscroll without installing it."""
    return [uvx, "--from", requirement(source, extras), NAME]


def launch(
    prefix: str = sys.prefix,
    scripts: str = "",
    path: str | None = None,
    package: Distribution | None = None,
) -> tuple[str, ...]:
    """Return the command that starts the installed Backscroll.

    The path of the program is absolute, because desktop applications and shells differ in PATH.

    Args:
        prefix: the folder of the Python environment in which Backscroll is installed.
        scripts: the folder of the environment's commands, such as `.venv/bin`; by default, the
            folder of the running interpreter's commands.
        path: the folders in which programs are looked for, separated as in PATH; by default, PATH.
        package: the installed package; by default, the running package.
    """
    runner = _runner(prefix)
    if runner:
        program = shutil.which(runner, path=path) or runner
        if runner == "uvx":
            return tuple(run_once(installed_from(package), installed_extras(package), program))
        spec = requirement(installed_from(package), installed_extras(package))
        return (program, "run", "--spec", spec, NAME)
    installed = shutil.which(NAME, path=scripts or sysconfig.get_path("scripts"))
    if installed:
        # Symbolic links are not resolved: an upgrade may move the target, but not the link.
        return (os.path.abspath(installed),)  # noqa: PTH100 - symbolic links stay, unlike with `Path.resolve`
    return (sys.executable, "-m", NAME)


def installed_from(package: Distribution | None = None) -> str:
    """Return the source from which the package was installed.

    The source is `NAME` if it was a package index, otherwise a URL (PEP 610). If the source is
    unknown, return `SOURCE`.
    """
    try:
        origin = json.loads((package or _package()).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return SOURCE
    url = origin.get("url", "")
    if "vcs_info" in origin:
        version = origin["vcs_info"].get("requested_revision")
        return f"{origin['vcs_info']['vcs']}+{url}{f'@{version}' if version else ''}"
    return url or NAME


def installed_extras(package: Distribution | None = None) -> tuple[str, ...]:
    """Return the names of the extras whose packages are all installed."""
    needed = _extras(package)
    return tuple(extra for extra, needs in needed.items() if all(map(_is_installed, needs)))


def how_to_add(
    extra: str,
    prefix: str = sys.prefix,
    package: Distribution | None = None,
    *,
    has_pip: bool = find_spec("pip") is not None,
) -> str:
    """Return a shell command that installs an extra or, for uvx, starts Backscroll with the extra.

    Args:
        extra: the name of the extra.
        prefix: as in `launch`.
        package: as in `launch`.
        has_pip: whether the environment contains pip. Environments that uv creates do not.
    """
    if _runner(prefix) == "uvx":
        extras = (*installed_extras(package), extra)
        return shlex.join(run_once(installed_from(package), extras))
    installer = [sys.executable, "-m", "pip", "install"]
    if not has_pip:
        installer = ["uv", "pip", "install", "--python", sys.executable]
    needed = _extras(package).get(extra, [requirement(extras=(extra,))])
    return shlex.join([*installer, *needed])


def _package() -> Distribution:
    """Return the package that is installed in this environment, even if PYTHONPATH has another one.

    Raises:
        PackageNotFoundError: the package is not installed in this environment.
    """
    found = distributions(name=NAME, path=[sysconfig.get_path("purelib")])
    return next(iter(found), None) or distribution(NAME)


def _runner(prefix: str) -> str:
    """Return `uvx` or `pipx` if that program created the environment temporarily, to run a command.

    Return an empty string for any other environment.
    """
    folders = Path(prefix).parts
    if any(map(_UV_CACHE.fullmatch, folders)):
        return "uvx"
    return "pipx" if {"pipx", ".cache"} <= set(folders) else ""


def _extras(package: Distribution | None) -> dict[str, list[str]]:
    """Return the requirements of each extra."""
    found: dict[str, list[str]] = {}
    try:
        lines = (package or _package()).requires or ()
    except PackageNotFoundError:
        return found
    for line in lines:
        needed, _, condition = line.partition(";")
        if extra := _EXTRA.search(condition):
            found.setdefault(extra[1], []).append(needed.strip())
    return found


def _is_installed(needed: str) -> bool:
    name = re.match(r"[\w.-]+", needed)
    try:
        return name is not None and distribution(name[0]) is not None
    except PackageNotFoundError:
        return False
