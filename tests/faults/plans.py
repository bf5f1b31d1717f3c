"""What goes wrong with a connection, drawn from a seed: the same seed, the same faults."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

Fault: TypeAlias = Literal["cut", "reset", "stall", "drip", "truncate", "delay", "garble", "status"]
Phase: TypeAlias = Literal["request", "held", "committed", "reply"]
"""Where it goes wrong: at a byte of the request, with the request held back whole, when the store
has answered and nothing of its answer is passed on, or at a byte of that answer."""

FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)
PHASES: Final[tuple[Phase, ...]] = get_args(Phase)
STATUSES: Final = (408, 409, 425, 429, 500, 502, 503, 504)
_TO_COME_AGAIN: Final = ("Retry-After: 1\r\n", "retry-after-ms: 5\r\n")
RETRY_AFTER: Final = ("", "Retry-After: 0\r\n", *_TO_COME_AGAIN)


@dataclass(frozen=True)
class Plan:
    """What happens to one request.

    Attributes:
        fault: what goes wrong; None for nothing.
        phase: where.
        at: how far into the request or the reply, as a share of its bytes from 0 to 1.
        status: what is answered in the upstream's place, where the fault is `status`.
        retry_after: a header that goes with it.
    """

    fault: Fault | None = None
    phase: Phase = "reply"
    at: float = 0.5
    status: int = 503
    retry_after: str = ""

    @property
    def refuses(self) -> bool:
        """Whether the client is told, by a status that means it, that nothing was done."""
        # Behind some bytes of another answer a status is garbage, and no answer.
        is_answer = self.fault == "status" and (self.phase != "reply" or self.at == 0.0)
        return is_answer and (
            self.status < 500 or (self.status == 503 and self.retry_after in _TO_COME_AGAIN)
        )

    @property
    def late(self) -> bool:
        """Whether what was held back is passed on after all, once the client has given up on it.

        Never what was refused: who refuses and acts has lied, and no client can do without faith.
        """
        return self.at > 0.5 and not self.refuses


CLEAN: Final = Plan()


def drawn(seed: str, chance: float) -> Plan:
    """Return a plan: a fault with the given chance, any at any phase, byte and status alike."""
    source = random.Random(seed)
    if source.random() >= chance:
        return CLEAN
    return Plan(
        fault=source.choice(FAULTS),
        phase=source.choice(PHASES),
        at=source.choice((0.0, 1.0, source.random(), source.random())),
        status=source.choice(STATUSES),
        retry_after=source.choice(RETRY_AFTER),
    )


def drawing(seed: str, chance: float) -> Callable[[str, int], Plan]:
    """Return what draws the plan of each request, from its method and number."""
    return lambda method, number: drawn(f"{seed}/{method}/{number}", chance)
