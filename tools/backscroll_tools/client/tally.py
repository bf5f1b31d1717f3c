"""The requests, retries and bytes of one call to the upstream."""

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Counters of one call, which grow while it runs.

    Attributes:
        requests: the number of requests sent or attempted, including retries.
        retries: the number of retries.
        bytes: the total size of the replies' bodies, decompressed.
    """

    requests: int = 0
    retries: int = 0
    bytes: int = 0
