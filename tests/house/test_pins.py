"""Development installs exactly what was pinned, from whichever index the machine uses."""

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
NODE = ROOT / "tests" / "clients" / "node"
LOCK = NODE / "package-lock.json"


def pins() -> list[str]:
    """Return each pin with its hashes as one line."""
    return PINS.read_text().replace("\\\n", "").splitlines()


def declared() -> Iterator[Requirement]:
    """Yield what pyproject.toml asks for, but for the extra that the checks do without."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lists = [
        pyproject["build-system"]["requires"],
        pyproject["project"]["dependencies"],
        pyproject["project"]["optional-dependencies"]["demo"],
        *pyproject["dependency-groups"].values(),
    ]
    for requirements in lists:
        for requirement in requirements:
            if isinstance(requirement, str):
                yield Requirement(requirement)


def lock_packages() -> Mapping[str, Mapping[str, object]]:
    """Return what is locked for Node.js, by its place in node_modules."""
    packages: dict[str, Mapping[str, object]] = json.loads(LOCK.read_text())["packages"]
    return {place: package for place, package in packages.items() if place}


def test_every_pin_is_one_version_with_hashes() -> None:
    pinned = re.compile(r"[a-z0-9.-]+==[\w.+]+( ; [^;]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*")

    assert [pin for pin in pins() if not pinned.fullmatch(pin)] == []


def test_every_locked_node_package_is_one_version_with_a_hash() -> None:
    unlocked = [
        place
        for place, package in lock_packages().items()
        if not (package.get("version") and str(package.get("integrity")).startswith("sha512-"))
    ]

    assert unlocked == []


@pytest.mark.parametrize("path", [PINS, LOCK], ids=lambda path: path.name)
def test_no_address_is_pinned(path: Path) -> None:
    assert re.findall(r"\S*://\S*", path.read_text()) == []


def test_the_pins_satisfy_what_is_declared() -> None:
    versions = dict(re.findall(r"^([^=\s]+)==(\S+)", "\n".join(pins()), re.MULTILINE))

    unsatisfied = [
        str(requirement)
        for requirement in declared()
        if not requirement.specifier.contains(versions.get(canonicalize_name(requirement.name), ""))
    ]

    assert unsatisfied == []


def test_the_node_lock_is_of_what_is_declared() -> None:
    wanted = json.loads((NODE / "package.json").read_text())["dependencies"]
    locked = lock_packages()

    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted
