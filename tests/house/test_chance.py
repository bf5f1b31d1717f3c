"""Every run of the tests draws the same, unless a seed is set."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chance import VARIABLE
from tests.house.documents import ROOT
from tests.pace import limit_s

DRAWS = """
import importlib, os, random, sys
import pytest
from hypothesis import given, strategies as st

for name in os.environ["IMPORTED"].split():
    importlib.import_module(name)

@pytest.mark.parametrize("number", range(20))
def test_order(number):
    print("order", number, random.random(), file=sys.stderr)

@given(st.lists(st.text() | st.integers(), min_size=9))
def test_examples(example):
    print("example", ascii(example), file=sys.stderr)
"""


def drawn(folder: Path, imported: str = "", seed: str = "") -> list[str]:
    """Return what a run of the tests above draws, an example or a test a line."""
    file = folder / "test_draws.py"
    file.write_text(DRAWS, encoding="utf-8")
    options = ("-q", "-s", "-c", "pyproject.toml", "-p", "tests.conftest")
    environ = {**os.environ, "IMPORTED": imported, VARIABLE: seed, "BACKSCROLL_TEST_PROFILE": ""}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(file)],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        check=True,
        encoding="utf-8",
        timeout=limit_s(50),
    )
    return done.stderr.splitlines()


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return drawn(tmp_path_factory.mktemp("once"))


def test_a_run_draws_what_another_drew_whatever_is_imported(
    tmp_path: Path, once: list[str]
) -> None:
    assert len(once) > 50
    assert drawn(tmp_path, imported="backscroll_tools.registry backscroll.settings.model") == once


def test_another_seed_draws_other_examples_in_another_order(
    tmp_path: Path, once: list[str]
) -> None:
    other = drawn(tmp_path, seed="7")
    for what in ("order", "example"):
        assert [line for line in once if line.startswith(what)] != [
            line for line in other if line.startswith(what)
        ]
