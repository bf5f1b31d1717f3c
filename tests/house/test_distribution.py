"""What people install: the wheel that is built from the source distribution, offline."""

import configparser
import email
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"backscroll": ROOT / "server", "backscroll_tools": ROOT / "tools"}


@pytest.fixture
def wheel(built: Path) -> zipfile.Path:
    """The root of the wheel."""
    (path,) = built.glob("*.whl")
    return zipfile.Path(path)


def metadata(wheel: zipfile.Path) -> Message:
    """Return the METADATA of the wheel."""
    (folder,) = (entry for entry in wheel.iterdir() if entry.name.endswith(".dist-info"))
    return email.message_from_string((folder / "METADATA").read_text("utf-8"))


def test_the_wheel_holds_both_packages_whole_and_nothing_else(wheel: zipfile.Path) -> None:
    sources = {
        path.relative_to(folder).as_posix()
        for package, folder in PACKAGES.items()
        for path in (folder / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    names = {
        name
        for name in wheel.root.namelist()
        if ".dist-info/" not in name and not name.endswith("/")
    }

    assert names == sources
    assert {"backscroll/py.typed", "backscroll_tools/py.typed"} <= names


def test_the_source_distribution_holds_only_what_is_allowed(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        inside = {name.split("/", 1)[1] for name in archive.getnames()}

    assert {"/".join(name.split("/")[:2]) for name in inside} == {
        ".gitignore",  # hatchling adds it, so that a build from this one leaves out the same
        "CHANGELOG.md",
        "LICENSE",
        "PKG-INFO",
        "README.md",
        "manifests/server.json",
        "pyproject.toml",
        "server/backscroll",
        "tools/backscroll_tools",
    }


def test_installing_brings_the_command(wheel: zipfile.Path) -> None:
    (folder,) = (entry for entry in wheel.iterdir() if entry.name.endswith(".dist-info"))
    entry_points = configparser.ConfigParser()
    entry_points.read_string((folder / "entry_points.txt").read_text("utf-8"))

    assert {name: dict(entry_points[name]) for name in entry_points.sections()} == {
        "console_scripts": {"backscroll": "backscroll.__main__:main"}
    }


def test_what_only_some_need_is_brought_only_when_asked(wheel: zipfile.Path) -> None:
    described = metadata(wheel)
    required = described.get_all("Requires-Dist", [])

    assert described["Requires-Python"] == ">=3.11"
    assert described["License-Expression"] == "MIT"
    assert described.get_all("Provides-Extra") == ["azure", "demo", "otel", "postgres"]
    assert [line for line in required if ";" in line] == [
        "azure-identity>=1.25; extra == 'azure'",
        "chitchat-dataset==0.9.0; extra == 'demo'",
        "opentelemetry-exporter-otlp-proto-http>=1.30; extra == 'otel'",
        "opentelemetry-sdk>=1.30; extra == 'otel'",
        "asyncpg>=0.30; extra == 'postgres'",
        "sqlalchemy[asyncio]>=2.1; extra == 'postgres'",
    ]
