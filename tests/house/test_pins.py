"""What is installed is exactly what was pinned, from whichever index the machine uses."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PINS = ROOT / ".ci" / "requirements.txt"
PEER_PINS = ROOT / ".ci" / "bench-requirements.txt"
NODE = ROOT / "tests" / "clients" / "node"
NODE_PEER = ROOT / "bench" / "peers" / "node"

each_pins = pytest.mark.parametrize("path", [PINS, PEER_PINS], ids=lambda path: path.name)
each_node = pytest.mark.parametrize("folder", [NODE, NODE_PEER], ids=["clients", "peer"])


def pins(path: Path) -> list[str]:
    """Return each pin with its hashes as one line."""
    return path.read_text().replace("\\\n", "").splitlines()


def declared(path: Path) -> Iterator[Requirement]:
    """Yield what pyproject.toml asks for there, but for the extra that the checks do without."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = pyproject["dependency-groups"]
    peers = groups.pop("bench")
    lists = [
        pyproject["build-system"]["requires"],
        pyproject["project"]["dependencies"],
        pyproject["project"]["optional-dependencies"]["demo"],
        pyproject["project"]["optional-dependencies"]["otel"],
        pyproject["project"]["optional-dependencies"]["postgres"],
        *groups.values(),
    ]
    for requirements in lists if path == PINS else [peers]:
        for requirement in requirements:
            if isinstance(requirement, str):
                yield Requirement(requirement)


def lock_packages(folder: Path) -> Mapping[str, Mapping[str, object]]:
    """Return what is locked for Node.js, by its place in node_modules."""
    lock = json.loads((folder / "package-lock.json").read_text())
    packages: dict[str, Mapping[str, object]] = lock["packages"]
    return {place: package for place, package in packages.items() if place}


@each_pins
def test_every_pin_is_one_version_with_hashes(path: Path) -> None:
    pinned = re.compile(r"[a-z0-9.-]+==[\w.+]+( ; [^;]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*")

    assert [pin for pin in pins(path) if not pinned.fullmatch(pin)] == []


@each_node
def test_every_locked_node_package_is_one_version_with_a_hash(folder: Path) -> None:
    unlocked = [
        place
        for place, package in lock_packages(folder).items()
        if not (package.get("version") and str(package.get("integrity")).startswith("sha512-"))
    ]

    assert unlocked == []


@pytest.mark.parametrize(
    "path",
    [PINS, PEER_PINS, NODE / "package-lock.json", NODE_PEER / "package-lock.json"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_address_is_pinned(path: Path) -> None:
    assert re.findall(r"\S*://\S*", path.read_text()) == []


@each_pins
def test_the_pins_satisfy_what_is_declared(path: Path) -> None:
    versions = dict(re.findall(r"^([^=\s]+)==(\S+)", "\n".join(pins(path)), re.MULTILINE))

    unsatisfied = [
        str(requirement)
        for requirement in declared(path)
        if not requirement.specifier.contains(versions.get(canonicalize_name(requirement.name), ""))
    ]

    assert unsatisfied == []


@each_node
def test_the_node_lock_is_of_what_is_declared(folder: Path) -> None:
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    locked = lock_packages(folder)

    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == {
        name: wish.rpartition("@")[2]  # npm:package@version, where a package is installed twice
        for name, wish in wanted.items()
    }
