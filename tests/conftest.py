"""Settings and fixtures of all tests."""

import gc
import os
from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests import chance
from tests.pace import SLOWNESS, limit_s

if TYPE_CHECKING:
    from tests.postgres import PostgresServer

# No deadline and no check for slow draws: a pause of the machine is not a failure of the code. No
# database: earlier failures here must not change which examples are drawn.
settings.register_profile(
    "default",
    database=None,
    deadline=None,
    derandomize=not chance.FRESH,
    max_examples=50,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# `BACKSCROLL_TEST_PROFILE=long` draws more examples than `make test` has time for.
settings.register_profile("long", settings.get_profile("default"), max_examples=2000)
# New examples of every property: `make soak PARTS=examples`.
settings.register_profile("fresh", settings.get_profile("default"), max_examples=300)
# Mutation testing only needs to know if a test fails, so it stops at the first failure.
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
    # The time limit of a test: pyproject.toml has the limit for a machine at rest.
    if config.option.timeout is None:
        config.option.timeout = limit_s(float(config.getini("timeout")))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Exclude what is imported and collected from garbage collection: it stays until the end.

    Otherwise each full collection looks at half a million objects again.
    """
    gc.disable()
    collected = yield
    gc.collect()
    gc.freeze()
    gc.collect()  # otherwise the next full collection comes only after many more objects
    gc.enable()
    return collected


def pytest_report_header(config: pytest.Config) -> Iterable[str]:
    slow = f"slowness: {SLOWNESS:g}, a test ends after {config.option.timeout:.0f} s"
    return [*chance.told(config), slow]


@pytest.fixture(scope="session")
def postgres() -> "Iterator[PostgresServer]":
    """A PostgreSQL server, started when a test first uses it."""
    from tests.postgres import FAST, postgres_server  # a second, which some runs do not need

    with postgres_server(*FAST) as server:
        mode = os.environ.get("BACKSCROLL_TEST_POOLER", "")
        if not mode:
            yield server
            return
        from tests.pgbouncer import pooled

        with pooled(server, mode) as behind:
            yield behind
