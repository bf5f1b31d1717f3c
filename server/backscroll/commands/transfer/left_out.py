"""Names the files that an import leaves out, in one short text."""

from collections.abc import Callable
from typing import Final

_SHOWN: Final = 3


class LeftOut:
    """Files that an import leaves out, because their format is not known."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def add(self, name: str, words: str) -> None:
        """Add a file. `words` say what the file looks like, such as `a PNG image`."""
        self._names.setdefault(words, []).append(name)

    def drop(self, is_known: Callable[[str], bool]) -> None:
        """Remove the files that belong to an export whose format is known.

        Args:
            is_known: is called with a file's name without folders, and returns whether the file
                belongs to the export.
        """
        left = {
            words: [name for name in names if not is_known(name.rpartition("/")[2])]
            for words, names in self._names.items()
        }
        self._names = {words: names for words, names in left.items() if names}

    def __len__(self) -> int:
        return sum(map(len, self._names.values()))

    def __str__(self) -> str:
        """Describe the `_SHOWN` rarest kinds of files.

        For each kind, the text names one file, and says how many more files are of this kind. The
        rarest kind is first, because a file that is the only one of its kind may be a list of
        chats, which matters more than many images.
        """
        kinds = sorted(self._names.items(), key=lambda each: len(each[1]))
        shown = [f"{names[0]} is {words}{_more(len(names) - 1)}" for words, names in kinds[:_SHOWN]]
        return "; ".join(shown) + ("; …" if len(kinds) > _SHOWN else "")


def _more(count: int) -> str:
    if count == 0:
        return ""
    return ", as is 1 more" if count == 1 else f", as are {count:,} more"
