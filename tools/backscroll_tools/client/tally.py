"""What one call cost its upstream."""

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Counts of one call, which grow while it runs.

    Attributes:
        requests: sent, or tried to be.
        retries: those of them that were sent again.
        bytes: of the bodies of replies, unpacked.
    """

    requests: int = 0
    retries: int = 0
    bytes: int = 0
