"""Plans for the faults of connections, drawn from a seed: the same seed gives the same faults."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

Fault: TypeAlias = Literal["cut", "reset", "stall", "drip", "truncate", "delay", "garble", "status"]
Phase: TypeAlias = Literal["request", "held", "committed", "reply"]
"""When the fault occurs: at a byte of the request; before the request is passed on; after the store
has replied, before the reply is passed on; or at a byte of the reply."""

FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)
PHASES: Final[tuple[Phase, ...]] = get_args(Phase)
STATUSES: Final = (408, 409, 425, 429, 500, 502, 503, 504)
_TO_COME_AGAIN: Final = ("Retry-After: 1\r\n", "retry-after-ms: 5\r\n")
RETRY_AFTER: Final = ("", "Retry-After: 0\r\n", *_TO_COME_AGAIN)


@dataclass(frozen=True)
class Plan:
    """The plan for one request.

    Attributes:
        fault: the fault; None for no fault.
        phase: when it occurs.
        at: the position in the request or the reply, as a share of its bytes from 0 to 1.
        status: the status sent in place of the upstream's, if the fault is `status`.
        retry_after: the value of a header that goes with it.
    """

    fault: Fault | None = None
    phase: Phase = "reply"
    at: float = 0.5
    status: int = 503
    retry_after: str = ""

    @property
    def refuses(self) -> bool:
        """Whether the client gets a status which means that nothing was done."""
        # After some bytes of another reply, a status is garbage and not a reply.
        is_answer = self.fault == "status" and (self.phase != "reply" or self.at == 0.0)
        return is_answer and (
            self.status < 500 or (self.status == 503 and self.retry_after in _TO_COME_AGAIN)
        )

    @property
    def late(self) -> bool:
        """Whether a request that was held back is passed on after the client has given up on it.

        This is false for a refused request: no client can cope with an upstream that refuses a
        request and carries it out.
        """
        return self.at > 0.5 and not self.refuses


CLEAN: Final = Plan()


def drawn(seed: str, chance: float) -> Plan:
    """Return a plan that has a fault with the given chance; its fields are drawn independently."""
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
    """Return a function that draws the plan of a request from its method and number."""
    return lambda method, number: drawn(f"{seed}/{method}/{number}", chance)
