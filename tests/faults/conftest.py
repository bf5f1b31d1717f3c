"""The store on a port, and the seed of a run."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chance import SEED
from tests.faults.upstream import Served, served_store


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with served_store(tmp_path) as serving:
        yield serving


@pytest.fixture
def seed() -> int:
    """The seed from which faults are drawn; a failing run prints it."""
    return SEED
