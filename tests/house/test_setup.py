"""Setting up takes what is pinned and nothing newer, whatever was released in the meantime.

What is run are the commands of the Makefile and of the Dockerfile, in a copy of the tree in which
the hashes are those of stand-ins, and the code is a few lines.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sysconfig
import venv
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Final

import pytest
from packaging.utils import canonicalize_name

from manifests.description import VERSION
from tests.house import node_releases, releases
from tests.house.releases import ROOT, pinned, version_of
from tests.loopback import served
from tests.pace import limit_s

COPIED: Final = (
    ".ci/venv",
    "CHANGELOG.md",
    "Dockerfile",
    "LICENSE",
    "Makefile",
    "README.md",
    "bench/peers/node/package.json",
    "manifests/server.json",
    "pyproject.toml",
    "tests/clients/node/package.json",
)
LOCKS: Final = ("bench/peers/node/package-lock.json", "tests/clients/node/package-lock.json")
OURS: Final = {"backscroll": VERSION}
PYTHON: Final = """\
#!/bin/sh
# The Python of the tests. Its `venv` copies an environment: to unpack pip for each takes seconds.
if [ "$*" = "-m venv --clear $4" ]; then
    rm -rf "$4" && mkdir -p "$4" && exec cp -a "$TEMPLATE/." "$4"
fi
exec "$TEMPLATE/bin/python" "$@"
"""
"""What `.ci/venv` is told to make environments with."""


pytestmark = pytest.mark.timeout(
    limit_s(60)
)  # pip keeps a processor busy for seconds, others may too


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree, beside an index in which something newer is there of everything."""
    folder = tmp_path_factory.mktemp("setup")
    hashes = releases.publish(folder / "index")
    tree = folder / "tree"
    for name in COPIED:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    for path in releases.PIN_FILES:
        (tree / ".ci" / path.name).write_text(releases.repinned(path, hashes))
    for name in LOCKS:
        (tree / name).write_text(node_releases.relocked(ROOT / name))
    for package in ("server/backscroll", "tools/backscroll_tools"):
        (tree / package).mkdir(parents=True)
        (tree / package / "__init__.py").touch()
    (tree / "server/backscroll/__main__.py").write_text("def main() -> None:\n    print('ran')\n")
    template = folder / "template"
    venv.create(template, with_pip=False, symlinks=True)
    (packages,) = template.glob("lib/python*/site-packages")
    for part in Path(sysconfig.get_path("purelib")).glob("pip*"):
        if part.name == "pip" or re.fullmatch(r"pip-[\d.]+\.dist-info", part.name):
            (packages / part.name).symlink_to(part)
    (folder / "python").write_text(PYTHON)
    (folder / "python").chmod(0o755)
    return tree


def variables(tree: Path, **more: str) -> dict[str, str]:
    """Return an environment in which pip and npm know the index alone."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("PIP_", "NPM_", "PYTHON", "VIRTUAL_ENV", "MAKE", "MFLAGS"))
    }
    return {
        **kept,
        "HOME": str(tree.parent),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": (tree.parent / "index").as_uri(),
        "PIP_NO_CACHE_DIR": "1",
        "PIP_NO_COMPILE": "0",  # pip takes this as the option's value, and 1 would compile
        "PYTHON": str(tree.parent / "python"),
        "TEMPLATE": str(tree.parent / "template"),
        **more,
    }


def run(
    folder: Path, environ: Mapping[str, str], *command: str
) -> "subprocess.CompletedProcess[str]":
    """Run a command in a folder to its end; all that it said is in its stdout."""
    return subprocess.run(
        command,
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=limit_s(48),
        check=False,
    )


def make(tree: Path, *targets: str, **more: str) -> str:
    """Run make in the copy of the tree, and return what it said."""
    return succeeded(run(tree, variables(tree, **more), "make", *targets))


def succeeded(done: "subprocess.CompletedProcess[str]") -> str:
    """Return what a command said that did what it was asked."""
    assert done.returncode == 0, done.stdout
    return done.stdout


def installed(environment: Path) -> dict[str, str]:
    """Return the version of each package that is in an environment."""
    (packages,) = environment.glob("lib/python*/site-packages")
    found = {each.name: each.version for each in distributions(path=[str(packages)])}
    del found["pip"]
    return {canonicalize_name(name): version for name, version in found.items()}


def wanted(name: str) -> dict[str, str]:
    """Return the version of each package that a file pins for the Python of the tests."""
    return {
        pin.name: version_of(pin)
        for pin in pinned(ROOT / ".ci" / name)
        if pin.marker is None or pin.marker.evaluate()
    }


def build_image(tree: Path) -> Path:
    """Run the first stage of the Dockerfile, with / in a folder, and return its /opt/backscroll."""
    root = tree.parent / "image"
    dockerfile = (tree / "Dockerfile").read_text()
    (stage,) = re.findall(r"AS build\n(.*?)^FROM", dockerfile, re.DOTALL | re.MULTILINE)
    (place,) = re.findall(r"^WORKDIR /(.*)$", stage, re.MULTILINE)
    folder = root / place
    folder.mkdir(parents=True)
    for copied in re.findall(r"^COPY (.*)$", stage, re.MULTILINE):
        *sources, target = copied.split()
        for source in sources:
            copy(tree / source, folder / target)
    for command in re.findall(r"^RUN ((?:.*\\\n)*.*)$", stage, re.MULTILINE):
        placed = command.replace("/opt/", f"{root}/opt/")
        succeeded(run(folder, variables(tree), "sh", "-c", placed))
    return root / "opt" / "backscroll"


def copy(source: Path, target: Path) -> None:
    """Copy as a Dockerfile does: of a folder what is in it, and a file into a folder."""
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        target.mkdir(exist_ok=True)
        shutil.copy(source, target)


def test_the_environment_of_the_commands_holds_the_pins(tree: Path) -> None:
    make(tree, ".venv/.ready")

    assert installed(tree / ".venv") == wanted("requirements.txt") | OURS


def test_the_environment_that_is_measured_against_holds_the_pins(tree: Path) -> None:
    make(tree, ".cache/bench-venv/.ready")

    assert installed(tree / ".cache" / "bench-venv") == wanted("bench-requirements.txt")


def test_the_wheel_is_tried_with_the_pins(tree: Path) -> None:
    said = make(tree, "pythons", f"PYTHONS={tree.parent / 'python'}")

    tried = installed(tree / ".cache" / "pythons" / "python")
    assert tried == wanted("demo-requirements.txt") | OURS
    assert said.endswith("ran\n")


def test_the_command_is_installed_from_the_pins_and_removed_without_a_trace(tree: Path) -> None:
    home = tree.parent / ".local"
    command, environment = home / "bin" / "backscroll", home / "lib" / "backscroll"

    said = make(tree, "install")
    ran = succeeded(run(tree, variables(tree), str(command)))
    found = installed(environment)
    make(tree, "uninstall")

    assert f"{command} is installed. To connect a host: backscroll connect\n" in said
    assert ran == "ran\n"
    assert found == wanted("demo-requirements.txt") | OURS
    assert list(home.glob("*/*")) == []


def test_a_command_that_another_program_installed_stays(tree: Path) -> None:
    command = tree.parent / "other" / "bin" / "backscroll"
    command.parent.mkdir(parents=True)
    command.write_text("pipx's")

    refused = run(tree, variables(tree), "make", "install", f"PREFIX={tree.parent}/other")
    make(tree, "uninstall", f"PREFIX={tree.parent}/other")

    assert refused.returncode != 0
    assert f"error: {command} is there already, and make install did not" in refused.stdout
    assert command.read_text() == "pipx's"


def test_the_image_holds_the_pins(tree: Path) -> None:
    assert installed(build_image(tree)) == wanted("image-requirements.txt") | OURS


@pytest.mark.parametrize("lock", LOCKS)
async def test_the_packages_of_nodejs_are_those_of_the_lock(tree: Path, lock: str) -> None:
    environment = {"clients": ".cache/node", "peers": ".cache/bench-node"}[Path(lock).parts[1]]
    locks = [ROOT / each for each in LOCKS]

    async with served(node_releases.registry(*locks)) as url:
        await asyncio.to_thread(make, tree, f"{environment}/.ready", npm_config_registry=url)

    modules = tree / environment
    assert node_releases.installed(modules) == node_releases.wanted(ROOT / lock)


def test_a_pin_that_is_missing_is_named(tree: Path) -> None:
    pins = tree / ".ci" / "bench-requirements.txt"
    whole = pins.read_text()
    pins.write_text("".join(re.findall(r"^(?:pyjwt|cryptography|cffi)==.*\n", whole, re.MULTILINE)))

    try:
        done = run(tree, variables(tree), "make", ".cache/bench-venv/.ready")
    finally:
        pins.write_text(whole)

    assert done.returncode != 0
    assert "cffi 2.1.1 requires pycparser, which is not installed." in done.stdout
    assert not (tree / ".cache" / "bench-venv" / ".ready").exists()
