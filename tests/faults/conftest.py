"""The store on a port, and the seed of a run."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backscroll_tools.writes import once
from tests.chance import SEED
from tests.faults.upstream import Served, served_store
from tests.pace import paced_s


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with served_store(tmp_path) as serving:
        yield serving


@pytest.fixture
def seed() -> int:
    """What faults are drawn from; a failing run prints it."""
    return SEED


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nothing waited for that a store on this machine cannot need."""
    monkeypatch.setattr(once, "LOOKS_S", tuple(map(paced_s, (0.0, 0.01, 0.03))))
    monkeypatch.setattr(once, "UNDERWAY_S", paced_s(1.0))
