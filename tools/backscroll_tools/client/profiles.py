"""What is known of an upstream before it is asked anything: one value per upstream."""

from dataclasses import dataclass, field
from typing import Final

PAGE_ITEMS: Final = 100
"""The most items that one upstream request may ask for (OpenAI API, `limit` of list calls)."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """An upstream's address, its credentials and what it serves.

    Attributes:
        name: the word in `BACKSCROLL_UPSTREAM` that selects it.
        base_url: where its paths start, without a trailing slash.
        headers: sent with every request; credentials stay out of `repr`.
        lists_threads: whether `GET /threads` exists (OpenAI never had it).
        honours_idempotency_keys: whether a repeated `Idempotency-Key` replays the first reply.
    """

    name: str
    base_url: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    lists_threads: bool = False
    honours_idempotency_keys: bool = False


def store(base_url: str = "http://store.invalid/v1") -> Upstream:
    """Return the profile of the embedded store.

    Args:
        base_url: its address; in process any host does, and `.invalid` can never be dialled
            (RFC 2606 section 2).
    """
    return Upstream(
        name="store", base_url=base_url, lists_threads=True, honours_idempotency_keys=True
    )
