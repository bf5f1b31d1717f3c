"""The registry of Node.js packages as it would be after each package's next release.

A stand-in of the same name and version replaces each locked package, so that nothing is fetched.
The next release of each is there too, and fails on import: no installation may take one.
"""

import base64
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

NEXT: Final = "9999.0.0"


def locked(lock: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each locked package with its path, and its name in the registry."""
    for place, package in lock["packages"].items():
        if place:
            yield place, package.get("name", place.rpartition("node_modules/")[2]), package


def relocked(path: Path) -> str:
    """Return a lock with the SHA-512 of each stand-in."""
    lock = json.loads(path.read_text())
    for _, name, package in locked(lock):
        package["integrity"] = _integrity(name, package["version"])
    return json.dumps(lock)


def wanted(lock: Path) -> dict[str, str]:
    """Return the version at each path in a lock, without optional packages."""
    return {
        place: package["version"]
        for place, _, package in locked(json.loads(lock.read_text()))
        if not package.get("optional")
    }


def installed(folder: Path) -> dict[str, str]:
    """Return the version at each path in a folder's `node_modules`."""
    return {
        str(path.parent.relative_to(folder)): json.loads(path.read_text())["version"]
        for path in folder.glob("node_modules/**/package.json")
    }


def registry(*locks: Path) -> Starlette:
    """Return a registry of the packages in these locks, and of their next releases."""
    versions: dict[str, set[str]] = {}
    for path in locks:
        for _, name, package in locked(json.loads(path.read_text())):
            versions.setdefault(name, {NEXT}).add(package["version"])

    def described(request: Request) -> Response:
        name = unquote(request.path_params["name"])
        released = {
            version: {
                "name": name,
                "version": version,
                "dist": {
                    "tarball": f"{request.base_url}-/{version}/{name}.tgz",
                    "integrity": _integrity(name, version),
                },
            }
            for version in versions[name]
        }
        told = {"name": name, "dist-tags": {"latest": NEXT}, "versions": released}
        return JSONResponse(told)

    def packed(request: Request) -> Response:
        return Response(_package(request.path_params["name"], request.path_params["version"]))

    return Starlette(
        routes=[
            Route("/-/{version}/{name:path}.tgz", packed),
            Route("/{name:path}", described),
        ]
    )


def _integrity(name: str, version: str) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(_package(name, version)).digest()).decode()


def _package(name: str, version: str) -> bytes:
    files = {"package.json": json.dumps({"name": name, "version": version, "main": "index.js"})}
    if version == NEXT:
        files["index.js"] = "throw new Error('a release that is not pinned');\n"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(f"package/{path}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()
