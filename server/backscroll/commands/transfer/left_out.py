"""Names the files that an import leaves out, in one short text."""

from collections.abc import Callable
from typing import Final

_SHOWN: Final = 3


class LeftOut:
    """Files whose format is not known."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def add(self, name: str, words: str) -> None:
        """Add a file, with what it looks like: `a PNG image`."""
        self._names.setdefault(words, []).append(name)

    def drop(self, is_known: Callable[[str], bool]) -> None:
        """Forget files that are known after all.

        Args:
            is_known: returns whether a file is known by its name without folders.
        """
        left = {
            words: [name for name in names if not is_known(name.rpartition("/")[2])]
            for words, names in self._names.items()
        }
        self._names = {words: names for words, names in left.items() if names}

    def __len__(self) -> int:
        return sum(map(len, self._names.values()))

    def __str__(self) -> str:
        """Return the first file that looks like something, and how many others look the same.

        The rarest are first, because an export has many images, and one unknown list of chats.
        """
        kinds = sorted(self._names.items(), key=lambda each: len(each[1]))
        shown = [f"{names[0]} is {words}{_more(len(names) - 1)}" for words, names in kinds[:_SHOWN]]
        return "; ".join(shown) + ("; …" if len(kinds) > _SHOWN else "")


def _more(count: int) -> str:
    if count == 0:
        return ""
    return ", as is 1 more" if count == 1 else f", as are {count:,} more"
