"""Counts the upstream requests, the retries and the received bytes of one call."""

from msgspec import Struct


class Tally(Struct):
    """The counters of one call, which increase while the call runs.

    Attributes:
        requests: the number of requests, including retries and requests that failed.
        retries: the number of retries.
        bytes: the total size of the replies' bodies, decompressed.
    """

    requests: int = 0
    retries: int = 0
    bytes: int = 0
