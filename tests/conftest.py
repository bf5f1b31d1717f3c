"""What every test runs under."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.database import DirectoryBasedExampleDatabase

from tests.postgres import FAST, PostgresServer, postgres_server

ROOT = Path(__file__).parent.parent

# `BACKSCROLL_TEST_PROFILE=long` searches wider than there is time for in `make test`. No deadline:
# a machine's pauses are no failure of the code.
settings.register_profile(
    "default",
    database=DirectoryBasedExampleDatabase(ROOT / ".cache" / "hypothesis"),
    deadline=None,
    max_examples=100,
)
settings.register_profile("long", settings.get_profile("default"), max_examples=2000)
# One change of the code after another is tried: a failure is all that is asked for, at once.
settings.register_profile(
    "mutation",
    database=None,
    deadline=None,
    derandomize=True,
    max_examples=25,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
settings.load_profile(os.environ.get("BACKSCROLL_TEST_PROFILE", "default"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that is started when the first test asks for it."""
    with postgres_server(*FAST) as server:
        yield server
