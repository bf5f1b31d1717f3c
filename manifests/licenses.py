"""docs/licenses.md: under which licence everything is that installing Backscroll brings."""

import re
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, PackageNotFoundError, distribution
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from manifests.description import PROJECT

_ELSEWHERE: Final = {"pywin32": "PSF-2.0"}
"""What only other systems install, so that it cannot be asked here."""

_CLASSIFIED: Final = {"MIT License": "MIT", "BSD License": "BSD-3-Clause"}
"""SPDX's names of what classifiers say, for packages with nothing better."""

_SYSTEMS: Final = (("linux", "posix"), ("darwin", "posix"), ("win32", "nt"))
_PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")

_HEAD: Final = """\
# Licences

What `pip install backscroll` brings, on any system and every supported Python, and under which
licence; Backscroll itself is under {license}. Rendered with `make render`.

| package | licence |
| --- | --- |
"""


def document() -> str:
    """Return the document.

    Raises:
        LookupError: a package says nothing of its licence that is understood here.
    """
    named = sorted(closure(PROJECT["dependencies"]))
    rows = [f"| {name} | {license_of(name)} |\n" for name in named]
    return _HEAD.format(license=PROJECT["license"]) + "".join(rows)


def closure(requirements: list[str]) -> set[str]:
    """Return the names of all that these requirements bring, themselves included."""
    waiting = [Requirement(text) for text in requirements]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) not in seen:
            seen.add((name, extras))
            waiting += _brought(name, extras)
    return {name for name, _ in seen}


def license_of(name: str) -> str:
    """Return a package's licence, as an SPDX expression.

    Raises:
        LookupError: it says nothing that is understood here.
    """
    try:
        said = distribution(name).metadata
    except PackageNotFoundError:
        return _ELSEWHERE[name]
    if expression := _field(said, "License-Expression") or _spdx(said):
        return expression
    raise LookupError(f"{name} does not say under which licence it is")


def _brought(name: str, extras: frozenset[str]) -> Iterator[Requirement]:
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


def _spdx(said: PackageMetadata) -> str:
    """Return what older fields say: a short License, or a classifier."""
    text = _field(said, "License")
    if re.fullmatch(r"[A-Za-z0-9.-]{2,20}", text):
        return text
    for classifier in said.get_all("Classifier") or []:
        words = classifier.rpartition(" :: ")[2]
        if classifier.startswith("License") and words in _CLASSIFIED:
            return _CLASSIFIED[words]
    return ""


def _field(said: PackageMetadata, name: str) -> str:
    return next(iter(said.get_all(name) or []), "")
