"""Finds the conversations of a selection, shows them, and erases them."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from backscroll.commands.local_store import opened_store
from backscroll.commands.terminal import counted
from backscroll.commands.times import in_utc
from backscroll.store.archive.records import Forgettable, Selection

_SHOWN: Final = 20
"""The maximum number of titles that `summary` shows, and of ids that `staying` shows."""
_TITLE_CHARS: Final = 60


class Found(NamedTuple):
    """The objects that `backscroll forget` would erase, and their descendants that would stay.

    Attributes:
        forgotten: the threads, conversations, completions and responses to erase. The most recently
            active is first.
        staying: the ids of sub-agents and forks of the conversations in `forgotten` that the
            selection does not include.
    """

    forgotten: list[Forgettable]
    staying: list[str]


async def found(database: str, selected: Selection, partition: str) -> Found:
    """Return the conversations of a selection, and the sub-agents and forks that would stay.

    If there are none, erase what an interrupted deletion has left, which no selection finds.

    Raises:
        OperatorError: the database cannot be used, or fails while in use.
    """
    async with opened_store(database) as store:
        forgotten = await store.forgettable(selected, partition)
        if not forgotten:
            await store.forget((), partition)
        return Found(forgotten, await store.descendants(forgotten, partition))


async def erase(database: str, forgotten: Sequence[Forgettable], partition: str) -> str:
    """Erase the objects in `Found.forgotten`, and return a sentence about the result.

    Raises:
        OperatorError: the database cannot be used, or fails while in use.
    """
    async with opened_store(database) as store:
        outcome = await store.forget(forgotten, partition)
    sentence = f"Erased {outcome.erased:,} for good."
    return sentence if outcome.is_log_empty else f"{sentence} {_LEFT}"


_LEFT: Final = (
    "The database's log and old versions of its rows may contain the texts for a while; "
    "docs/security.md describes how to remove them."
)


def summary(forgotten: Sequence[Forgettable], folder: str = "") -> str:
    """Return lines that show what would be erased.

    Each of the first `_SHOWN` objects has a line. Then a line gives the number of objects of each
    kind, and the number of messages.

    Args:
        forgotten: the objects that would be erased, the most recently active first.
        folder: the selected folder; empty for none. If objects are from its subfolders, the last
            line gives their number.
    """
    lines = [
        f"{in_utc(each.last_active_at)}  {each.id}  {_title(each)}" for each in forgotten[:_SHOWN]
    ]
    if len(forgotten) > _SHOWN:
        lines.append(f"and {len(forgotten) - _SHOWN} more")
    kinds = Counter(each.kind for each in forgotten)
    counts = ", ".join(counted(count, kind) for kind, count in kinds.items())
    total = counted(sum(each.messages for each in forgotten), "message")
    lines.append(f"{counts}; {total}")
    root = folder.rstrip("/\\")
    below = sum(each.project.rstrip("/\\") not in {"", root} for each in forgotten)
    if root and below:
        lines.append(f"{below:,} of them from subfolders of {root}")
    return "\n".join(lines)


def staying(ids: Sequence[str], *, by_id: bool) -> str:
    """Return a sentence about sub-agents and forks that stay.

    Args:
        ids: the ids of these sub-agents and forks.
        by_id: whether the command selects by ids only. If so, the sentence tells the user to add
            these ids to the command; if not, to run `backscroll forget` with them.
    """
    how = "add:" if by_id else "run backscroll forget with"
    shown = " ".join(ids[:_SHOWN])
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    who, them = f"{len(ids):,} sub-agents or forks are not selected and stay", "them"
    if len(ids) == 1:
        who, them = "1 sub-agent or fork is not selected and stays", "it"
    return f"{who}; to forget {them} too, {how} {shown}{more}"


def _title(each: Forgettable) -> str:
    title = " ".join(each.title.split())
    cut = title if len(title) <= _TITLE_CHARS else f"{title[:_TITLE_CHARS]}…"
    return cut or "(no title)"
