"""What every test runs under."""

import os
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests import chance
from tests.pace import SLOWNESS, limit_s
from tests.postgres import FAST, PostgresServer, postgres_server

# No deadline and no complaint about slow draws: a machine's pauses are no failure of the code. No
# database: what failed here before is no reason to draw other examples than elsewhere.
settings.register_profile(
    "default",
    database=None,
    deadline=None,
    derandomize=not chance.FRESH,
    max_examples=100,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# `BACKSCROLL_TEST_PROFILE=long` searches wider than there is time for in `make test`.
settings.register_profile("long", settings.get_profile("default"), max_examples=2000)
# Examples that nobody has drawn yet, of every property: `make soak PARTS=examples`.
settings.register_profile("fresh", settings.get_profile("default"), max_examples=300)
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
settings.load_profile(os.environ.get("BACKSCROLL_TEST_PROFILE") or "default")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    chance.settle(config)
    # What pytest-timeout ends a test after, as pyproject.toml has it for a machine at rest.
    if config.option.timeout is None:
        config.option.timeout = limit_s(float(config.getini("timeout")))


def pytest_report_header(config: pytest.Config) -> Iterable[str]:
    slow = f"slowness: {SLOWNESS:g}, a test ends after {config.option.timeout:.0f} s"
    return [*chance.told(config), slow]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that is started when the first test asks for it."""
    with postgres_server(*FAST) as server:
        yield server
