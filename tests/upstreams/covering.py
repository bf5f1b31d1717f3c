"""Records which behaviours have tests, so that none is listed without one."""

from collections.abc import Callable
from typing import Final, TypeVar

from tests.upstreams.peculiar import Behaviour

Test = TypeVar("Test", bound=Callable[..., object])

SHOWN: Final[set[str]] = set()


def shows(*behaviours: Behaviour) -> Callable[[Test], Test]:
    """Record that a test covers these behaviours."""

    def noted(test: Test) -> Test:
        SHOWN.update(behaviour.name for behaviour in behaviours)
        return test

    return noted
