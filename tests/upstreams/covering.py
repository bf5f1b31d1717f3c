"""Which behaviours the tests show, so that none is listed without one."""

from collections.abc import Callable
from typing import Final, TypeVar

from tests.upstreams.peculiar import Behaviour

Test = TypeVar("Test", bound=Callable[..., object])

SHOWN: Final[set[str]] = set()


def shows(*behaviours: Behaviour) -> Callable[[Test], Test]:
    """Note that a test shows how these behaviours are survived."""

    def noted(test: Test) -> Test:
        SHOWN.update(behaviour.name for behaviour in behaviours)
        return test

    return noted
