"""What is installed is exactly what was pinned, from whichever index the machine uses."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house import releases
from tests.house.releases import pinned, version_of

ROOT = Path(__file__).parents[2]
PINS = ROOT / ".ci" / "requirements.txt"
PEER_PINS = ROOT / ".ci" / "bench-requirements.txt"
BUILD_PINS = ROOT / ".ci" / "build-requirements.txt"
DEMO_PINS = ROOT / ".ci" / "demo-requirements.txt"
IMAGE_PINS = ROOT / ".ci" / "image-requirements.txt"
CONVERTER_PINS = ROOT / "tests" / "clients" / "converters" / "requirements.txt"
"""Pins of clients of the MCP SDK's version 1, so its versions differ from those of the others."""

FRAMEWORK_PINS = ROOT / "tests" / "tools" / "sessions" / "requirements.txt"
"""Pins of agent frameworks, of which one needs an older OpenTelemetry."""

ARCHIVE_PINS = ROOT / "bench" / "peers" / "archives-requirements.txt"
"""Pins of programs of which one needs a certain version of the MCP SDK."""

GATEWAY_PINS = ROOT / "bench" / "peers" / "gateways-requirements.txt"
"""Pins of a program that pins most of what it needs."""

NODE = ROOT / "tests" / "clients" / "node"
NODE_PEER = ROOT / "bench" / "peers" / "node"
HOST_PINS = ROOT / "bench" / "hosts" / "node"

each_pins = pytest.mark.parametrize("path", releases.PIN_FILES, ids=lambda path: path.name)
each_node = pytest.mark.parametrize(
    "folder", [NODE, NODE_PEER, HOST_PINS], ids=["clients", "peer", "hosts"]
)


def pins(path: Path) -> list[str]:
    """Return each pin with its hashes as one line."""
    return path.read_text().replace("\\\n", "").splitlines()


def declared(path: Path) -> list[Requirement]:
    """Return what pyproject.toml asks for there; nothing pins the extra `azure`."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups, extras = pyproject["dependency-groups"], pyproject["project"]["optional-dependencies"]
    needed = pyproject["project"]["dependencies"]
    build = [*pyproject["build-system"]["requires"], *groups["build"]]
    texts = {
        PINS: [
            *needed, *extras["demo"], *extras["otel"], *extras["postgres"],
            *build, *groups["check"], *groups["test"],
        ],
        PEER_PINS: groups["bench"],
        BUILD_PINS: build,
        DEMO_PINS: [*needed, *extras["demo"]],
        IMAGE_PINS: [*needed, *extras["otel"], *extras["postgres"]],
    }  # fmt: skip
    return [Requirement(text) for text in texts[path]]


def unmet(path: Path, environment: Mapping[str, str]) -> set[str]:
    """Return all that is needed there, directly or not, and that no pin satisfies.

    Of a package that only other systems install nothing says here what it needs.
    """
    versions = {
        pin.name: version_of(pin)
        for pin in pinned(path)
        if pin.marker is None or pin.marker.evaluate(dict(environment))
    }
    waiting: list[tuple[Requirement, tuple[str, ...]]] = [(each, ("",)) for each in declared(path)]
    seen, missing = set[str](), set[str]()
    while waiting:
        requirement, extras = waiting.pop()
        marker = requirement.marker
        if str(requirement) in seen or (
            marker and not any(marker.evaluate({**environment, "extra": each}) for each in extras)
        ):
            continue
        seen.add(str(requirement))
        name = canonicalize_name(requirement.name)
        if not requirement.specifier.contains(versions.get(name, ""), prereleases=True):
            missing.add(str(requirement))
        waiting += [(each, ("", *requirement.extras)) for each in releases.required(name)]
    return missing


def lock_packages(folder: Path) -> Mapping[str, Mapping[str, object]]:
    """Return what is locked for Node.js, by its place in node_modules."""
    lock = json.loads((folder / "package-lock.json").read_text())
    packages: dict[str, Mapping[str, object]] = lock["packages"]
    return {place: package for place, package in packages.items() if place}


@pytest.mark.parametrize(
    "path",
    [*releases.PIN_FILES, ARCHIVE_PINS, GATEWAY_PINS, CONVERTER_PINS, FRAMEWORK_PINS],
    ids=lambda path: str(path.relative_to(ROOT)),
)
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
    [
        *releases.PIN_FILES,
        ARCHIVE_PINS,
        GATEWAY_PINS,
        CONVERTER_PINS,
        FRAMEWORK_PINS,
        NODE / "package-lock.json",
        NODE_PEER / "package-lock.json",
        HOST_PINS / "package-lock.json",
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_address_is_pinned(path: Path) -> None:
    assert re.findall(r"\S*://\S*", path.read_text()) == []


@each_pins
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize(
    ("system", "sys_platform", "os_name"),
    [("Linux", "linux", "posix"), ("Darwin", "darwin", "posix"), ("Windows", "win32", "nt")],
)
def test_the_pins_are_all_that_is_needed(
    path: Path, python: str, system: str, sys_platform: str, os_name: str
) -> None:
    environment = {
        "os_name": os_name,
        "platform_system": system,
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": sys_platform,
    }

    assert unmet(path, environment) == set()


@each_pins
def test_a_package_has_one_version_wherever_it_is_pinned(path: Path) -> None:
    chosen = {pin.name: version_of(pin) for pin in pinned(PINS)}
    here = {pin.name: version_of(pin) for pin in pinned(path)}

    assert here == here | {name: chosen[name] for name in here.keys() & chosen.keys()}


@each_node
def test_the_node_lock_is_of_what_is_declared(folder: Path) -> None:
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    locked = lock_packages(folder)

    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == {
        name: wish.rpartition("@")[2]  # npm:package@version, where a package is installed twice
        for name, wish in wanted.items()
    }
