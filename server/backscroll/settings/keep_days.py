"""How long the store keeps what is in it, as `BACKSCROLL_KEEP_DAYS` says."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

MOST: Final = 36_500
"""The greatest number of days: a hundred years."""
RULE: Final = (
    f"must be a number of days from 1 to {MOST}, and may have others for partitions, "
    "comma-separated: 365,team-a=30,team-b=0, where 0 keeps everything"
)
_DAYS: Final = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class KeptDays:
    """How many days each partition keeps what is in it; 0 for ever.

    Attributes:
        usual: of the partitions that are not in `of`.
        of: by partition.
    """

    usual: int
    of: Mapping[str, int]

    def __call__(self, partition: str) -> int:
        """Return how many days a partition keeps what is in it; 0 for ever."""
        return self.of.get(partition, self.usual)


def parse_days(words: Sequence[str]) -> KeptDays | None:
    """Return what the words of the setting mean; None if there are none.

    Raises:
        ValueError: a word is neither a number of days nor `PARTITION=DAYS`, or two are about the
            same partition.
    """
    found: dict[str | None, int] = {}
    for word in words:
        name, equals, days = word.rpartition("=")
        partition = name if equals else None
        if not _DAYS.fullmatch(days) or int(days) > MOST or partition in found:
            raise ValueError(RULE)
        if not equals and int(days) == 0:
            raise ValueError(RULE)
        found[partition] = int(days)
    if not found:
        return None
    usual = found.pop(None, 0)
    return KeptDays(usual, {name: days for name, days in found.items() if name is not None})
