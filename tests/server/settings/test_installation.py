"""How Backscroll is started and extended here, by the way in which it was installed."""

import json
import sys
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

import pytest

from backscroll.settings.installation import SOURCE, how_to_add, launch, requirement, run_once

CACHE = "/srv/uv-cache/archive-v0/x1"
REQUIRES = """\
Metadata-Version: 2.4
Name: backscroll
Version: 1
Requires-Dist: click>=8
Requires-Dist: no-such-package>=1; extra == 'azure'
Requires-Dist: pytest>=9; extra == 'otel'
Requires-Dist: click[x]>=8; extra == 'otel'
Provides-Extra: azure
Provides-Extra: otel
"""
GIT = "https://example.com/b"


def package(folder: Path, origin: dict[str, Any] | None) -> Distribution:
    """Return a package that was installed from somewhere, or from an index."""
    folder = folder / "backscroll-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(REQUIRES)
    if origin is not None:
        (folder / "direct_url.json").write_text(json.dumps(origin))
    return Distribution.at(folder)


@pytest.mark.parametrize(
    ("origin", "source"),
    [
        (None, "backscroll[otel]"),
        (
            {"url": GIT, "vcs_info": {"vcs": "git", "commit_id": "1f"}},
            f"backscroll[otel] @ git+{GIT}",
        ),
        (
            {"url": GIT, "vcs_info": {"vcs": "git", "requested_revision": "v2"}},
            f"backscroll[otel] @ git+{GIT}@v2",
        ),
        ({"url": "file:///srv/b", "dir_info": {}}, "backscroll[otel] @ file:///srv/b"),
    ],
)
def test_what_runs_without_being_installed_is_started_so_again(
    origin: dict[str, Any] | None, source: str, tmp_path: Path
) -> None:
    for program in ("uvx", "pipx"):
        (tmp_path / program).touch(mode=0o755)
    path, ours = str(tmp_path), package(tmp_path, origin)

    by_uv = launch(CACHE, path=path, package=ours)
    by_pipx = launch("/home/ada/.local/share/pipx/.cache/2e", path=path, package=ours)

    assert by_uv == (f"{path}/uvx", "--from", source, "backscroll")
    assert by_pipx == (f"{path}/pipx", "run", "--spec", source, "backscroll")


def test_what_is_installed_is_started_by_the_path_of_its_command(tmp_path: Path) -> None:
    (tmp_path / "backscroll").touch(mode=0o755)

    assert launch("/home/ada/venv", scripts=str(tmp_path)) == (str(tmp_path / "backscroll"),)
    assert launch("/home/ada/venv", scripts="/none") == (sys.executable, "-m", "backscroll")


def test_an_extra_is_added_to_the_environment_that_runs(tmp_path: Path) -> None:
    ours = package(tmp_path, {"url": GIT, "vcs_info": {"vcs": "git"}})

    assert how_to_add("otel", "/venv", ours, has_pip=True) == (
        f"{sys.executable} -m pip install 'pytest>=9' 'click[x]>=8'"
    )
    assert how_to_add("otel", "/venv", ours, has_pip=False) == (
        f"uv pip install --python {sys.executable} 'pytest>=9' 'click[x]>=8'"
    )
    assert how_to_add("azure", CACHE, ours) == (
        f"uvx --from 'backscroll[otel,azure] @ git+{GIT}' backscroll"
    )


def test_the_package_is_named_in_the_form_that_its_place_needs() -> None:
    assert requirement("backscroll") == "backscroll"
    assert requirement("file:///srv/b") == "backscroll @ file:///srv/b"
    assert run_once() == ["uvx", "--from", SOURCE, "backscroll"]
