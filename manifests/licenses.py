"""docs/licenses.md: the licence of every package that `pip install backscroll` installs."""

import re
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, PackageNotFoundError, distribution
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from manifests.description import PROJECT

_ELSEWHERE: Final = {"pywin32": "PSF-2.0"}
"""Packages that only other systems install, so their metadata is not available here."""

_CLASSIFIED: Final = {"MIT License": "MIT", "BSD License": "BSD-3-Clause"}
"""SPDX names of classifiers, for packages that declare their licence in no other way."""

_SYSTEMS: Final = (("linux", "posix"), ("darwin", "posix"), ("win32", "nt"))
_PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")

_HEAD: Final = """\
# Licences

The packages that `pip install backscroll` installs, on any system and supported Python, with their
licences. Backscroll's own licence is {license}. `make render` renders this page.

| package | licence |
| --- | --- |
"""


def document() -> str:
    """Return the document.

    Raises:
        LookupError: a package declares no licence that this module understands.
    """
    named = sorted(closure(PROJECT["dependencies"]))
    rows = [f"| {name} | {license_of(name)} |\n" for name in named]
    return _HEAD.format(license=PROJECT["license"]) + "".join(rows)


def closure(requirements: list[str]) -> set[str]:
    """Return the names of these requirements and of everything they install."""
    waiting = [Requirement(text) for text in requirements]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) not in seen:
            seen.add((name, extras))
            waiting += _dependencies(name, extras)
    return {name for name, _ in seen}


def license_of(name: str) -> str:
    """Return a package's licence, as an SPDX expression.

    Raises:
        LookupError: the package declares no licence that this module understands.
    """
    try:
        metadata = distribution(name).metadata
    except PackageNotFoundError:
        return _ELSEWHERE[name]
    if expression := _field(metadata, "License-Expression") or _spdx(metadata):
        return expression
    raise LookupError(f"{name} declares no licence that is understood")


def _dependencies(name: str, extras: frozenset[str]) -> Iterator[Requirement]:
    try:
        required = distribution(name).requires or []
    except PackageNotFoundError:
        return
    for text in required:
        requirement = Requirement(text)
        if requirement.marker is None or any(
            requirement.marker.evaluate(
                {"sys_platform": system, "os_name": kind, "python_version": python, "extra": extra}
            )
            for system, kind in _SYSTEMS
            for python in _PYTHONS
            for extra in ("", *extras)
        ):
            yield requirement


def _spdx(metadata: PackageMetadata) -> str:
    """Return the licence from older metadata: a short `License` field, or a classifier."""
    text = _field(metadata, "License")
    if re.fullmatch(r"[A-Za-z0-9.-]{2,20}", text):
        return text
    for classifier in metadata.get_all("Classifier") or []:
        words = classifier.rpartition(" :: ")[2]
        if classifier.startswith("License") and words in _CLASSIFIED:
            return _CLASSIFIED[words]
    return ""


def _field(metadata: PackageMetadata, name: str) -> str:
    return next(iter(metadata.get_all(name) or []), "")
