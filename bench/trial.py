"""How thoroughly to measure, and who is shown how far it got."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Scale: TypeAlias = Literal["quick", "usual", "long"]
"""To see that it runs; in ten minutes together; everything that there is."""

Track: TypeAlias = Callable[[int, str], Iterator[int]]
"""Counts from 0 to below a number, and shows how far it got with what."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a row is measured with.

    Attributes:
        track: shows progress.
        scale: how much is measured; a quick trial's figures say little.
        megabytes: the size of session logs; None for the size that the scale gives.
        messages: the size of a store that has grown; None for the size that the scale gives.
    """

    track: Track
    scale: Scale = "usual"
    megabytes: int | None = None
    messages: int | None = None

    def size(self, usual: int, *, quick: int, long: int | None = None) -> int:
        """Return how many of something to measure; a long trial takes the usual unless told."""
        if self.scale == "long":
            return usual if long is None else long
        return quick if self.scale == "quick" else usual

    def arguments(self) -> str:
        """Return the beginning of a note that names the sizes asked for; empty by default."""
        asked = {"--megabytes": self.megabytes, "--messages": self.messages}
        given = " ".join(f"{name} {size}" for name, size in asked.items() if size is not None)
        return f'With `ARGS="{given}"`: ' if given else ""

    def rounds(self, usual: int, what: str) -> Iterator[int]:
        """Count the rounds of a comparison: at least 2, which is what a quick trial has."""
        return self.track(self.size(usual, quick=2), what)
