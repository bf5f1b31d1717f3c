"""The faults of a run as data: drawn from a seed, or given, as in a replay."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, Self, TypeAlias, get_args

Kind: TypeAlias = Literal[
    "unsent",
    "lost",
    "unread",
    "silent",
    "late",
    "given_up",
    "twice",
    "slow",
    "cut",
    "refused",
    "failed",
    "kill",
    "end",
    "clock",
    "host_clock",
]
"""What happens to a request. `Fault.value` is given in brackets.

- `unsent`: no connection is made.
- `lost`: it never arrives, and the connection breaks (after so many seconds).
- `unread`: it is carried out, and the connection breaks (so many seconds later).
- `silent`: it is carried out, and no reply ever arrives.
- `late`: the connection breaks at once, and it is carried out (so many seconds later).
- `given_up`: a proxy replies 504 at once, and it is carried out (so many seconds later).
- `twice`: it is carried out, and once more (so many seconds later).
- `slow`: it arrives late (by so many seconds).
- `cut`: its reply breaks off (after so many percent of the bytes).
- `refused`: it never arrives, and a proxy replies (with this status).
- `failed`: it is carried out, and a proxy replies (with this status).
- `kill`: the store's process is killed (at this statement of the database from its arrival on, and
  at the latest before the reply).
- `end`: the server's process is killed (so many seconds after it sent the request).
- `clock`, `host_clock`: the wall clock of the store's or of the server's machine is set (by so many
  seconds) before it arrives.
"""

LATE_S: Final = 90.0
"""The maximum time before a late request is carried out, in seconds."""

_DAY_S: Final = 86_400.0
_REFUSALS: Final = (408.0, 425.0, 429.0, 429.0, 503.0)
_FAILURES: Final = (500.0, 502.0, 503.0, 504.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one request.

    Attributes:
        host: the name of the host whose server sends it; one letter.
        number: how many requests that host's servers sent before it.
        kind: see `Kind`.
        value: see `Kind`.
    """

    host: str
    number: int
    kind: Kind
    value: float = 0.0

    def __str__(self) -> str:
        return f"{self.host}{self.number}:{self.kind}={self.value:g}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the fault whose `str` is this text.

        Raises:
            ValueError: the text is not a fault.
        """
        place, _, rest = text.partition(":")
        name, _, value = rest.partition("=")
        for kind in get_args(Kind):
            if kind == name:
                return cls(place[:1], int(place[1:]), kind, float(value))
        message = f"{text!r} is no fault: expected one such as a3:unread=1"
        raise ValueError(message)


class Plan(Protocol):
    """Decides what happens to each request."""

    def of(self, host: str, number: int) -> Fault | None:
        """Return the fault of a request; None if it arrives and is answered soon."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Faults that follow from a seed. Each is independent of all others, and of the order.

    Attributes:
        seed: the seed.
        storm: the share of requests that have a fault; 0 to 1.
    """

    seed: int
    storm: float

    def of(self, host: str, number: int) -> Fault | None:
        """Draw the fault of a request; None if it has no fault."""
        rng = random.Random(f"{self.seed} {host} {number}")
        if rng.random() >= self.storm:
            return None
        kind = rng.choice(get_args(Kind))
        return Fault(host, number, kind, round(_value(rng, kind), 2))


@dataclass(frozen=True, slots=True)
class Told:
    """The faults of a list, and no others."""

    faults: Iterable[Fault]
    _found: dict[tuple[str, int], Fault] = field(init=False)

    def __post_init__(self) -> None:
        """Look faults up by their requests."""
        found = {(fault.host, fault.number): fault for fault in self.faults}
        object.__setattr__(self, "_found", found)

    def of(self, host: str, number: int) -> Fault | None:
        """Return the fault of a request; None if the list has none for it."""
        return self._found.get((host, number))


def _value(rng: random.Random, kind: Kind) -> float:
    match kind:
        case "late" | "given_up" | "twice":
            return rng.random() * rng.choice((0.2, 5.0, LATE_S))
        case "slow":
            return rng.random() * rng.choice((5.0, 60.0))
        case "cut":
            return rng.random() * 99
        case "refused":
            return rng.choice(_REFUSALS)
        case "failed":
            return rng.choice(_FAILURES)
        case "kill":
            return float(rng.randrange(1, 25))
        case "clock" | "host_clock":
            return rng.choice((-400 * _DAY_S, -3600.0, 3600.0, _DAY_S, 400 * _DAY_S))
        case _:
            return rng.random() * 2
