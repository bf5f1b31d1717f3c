"""Which rows a search considers, and how many rows and texts it reads."""

from msgspec import Struct

from backscroll.store.search.index import owner_token


class Bounds(Struct, frozen=True):
    """Limits how many rows and texts a search reads.

    Attributes:
        budget: the maximum number of rows to read for all words together. If only common words are
            searched, it is also the maximum number of rows to read for a page.
        few: how many rows of each word are read at first, to find the rarest words.
        scan: the maximum number of rows that one step reads if only common words are searched.
        looked_at: the maximum number of texts to read for a page. It is checked after each chunk
            of texts, so a page may exceed it by a part of a chunk.
        chars: the maximum number of characters to compare with the query for a page, rounded up to
            whole texts.
    """

    budget: int = 15_000
    few: int = 2_000
    scan: int = 1_000
    looked_at: int = 1_000
    chars: int = 4_000_000


class Limits(Struct, frozen=True):
    """Which rows a search considers.

    Attributes:
        scope: the number of the partition; -1 if it has no rows.
        owner: the number of the only owner to search, such as a thread; None for all.
        high: the number of the newest row.
        bounds: how many rows and texts the search may read.
    """

    scope: int
    owner: int | None
    high: int
    bounds: Bounds = Bounds()

    @property
    def between(self) -> tuple[int, int]:
        """The least and the greatest number that a row may have."""
        return 1, self.high

    @property
    def also(self) -> list[str]:
        """Tokens that each row must have in addition to the words."""
        return [] if self.owner is None else [owner_token(self.owner)]
