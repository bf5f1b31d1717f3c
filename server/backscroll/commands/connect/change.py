"""The change that `backscroll connect` makes to a file: computed, shown and applied."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backscroll.commands.connect import host_file
from backscroll.commands.connect.configuration import connected, disconnected, holds
from backscroll.commands.connect.entry import HostEntry
from backscroll.commands.connect.hosts import Host
from backscroll.commands.connect.jsonc import MARK, MalformedError
from backscroll.commands.connect.secrecy import hidden
from backscroll.process.exits import CommandError

_CONTEXT_LINES: Final = 2


@dataclass(frozen=True, slots=True)
class Change:
    """A change to one file.

    Attributes:
        path: the file.
        before: its current text; None if there is no file.
        after: its new text; None to delete the file.
        keeps: whether to make a backup first.
        brings_back: whether the change restores the backup, which is deleted afterwards.
    """

    path: Path
    before: str | None
    after: str | None
    keeps: bool = False
    brings_back: bool = False

    @property
    def is_one(self) -> bool:
        """Whether there is anything to change."""
        return self.before != self.after

    def diff(self) -> str:
        """Return the change as a unified diff, with values that look like secrets hidden."""
        before, after = ((text or "").removeprefix(MARK) for text in (self.before, self.after))
        lines = difflib.unified_diff(
            before.splitlines(),
            after.splitlines(),
            str(self.path) if self.before is not None else "(no file)",
            str(self.path) if self.after is not None else "(no file)",
            n=_CONTEXT_LINES,
            lineterm="",
        )
        return "\n".join(map(hidden, lines))

    def make(self) -> None:
        """Apply the change.

        Raises:
            CommandError: the file has changed in the meantime, or cannot be written.
        """
        if host_file.read(self.path) != self.before:
            raise CommandError(f"{self.path} has just been changed by something else: try again")
        if self.keeps:
            host_file.keep(self.path)
        host_file.replace(self.path, self.after)
        if self.brings_back:
            host_file.backup_of(self.path).unlink(missing_ok=True)


def connecting(host: Host, path: Path, entry: HostEntry) -> Change:
    """Return the change that adds the entry to a host's file.

    Raises:
        CommandError: the file cannot be read or parsed.
    """
    before = host_file.read(path)
    try:
        after = connected(host, before or "", entry)
        if before is not None and holds(host, before, entry):
            after = before
        is_new = before is not None and disconnected(host, before) == before
    except MalformedError as error:
        raise _left_alone(path, error) from None
    kept = host_file.backup_of(path).exists()
    return Change(path, before, after, keeps=is_new or (before is not None and not kept))


def disconnecting(host: Host, path: Path) -> Change:
    """Return the change that removes Backscroll from a host's file.

    If adding Backscroll was the only change since the backup, the backup is restored byte for byte.
    Removing the entry alone would not do: it can leave an empty object that was not there before.

    Raises:
        CommandError: as in `connecting`.
    """
    before = host_file.read(path)
    if before is None:
        return Change(path, None, None)
    kept = host_file.read(host_file.backup_of(path))
    try:
        after = disconnected(host, before)
        if after == before:
            return Change(path, before, before)
        origin = kept if kept is not None and disconnected(host, kept) == kept else None
        if after in _traces(host, origin or ""):
            return Change(path, before, origin, brings_back=kept is not None)
    except MalformedError as error:
        raise _left_alone(path, error) from None
    return Change(path, before, after)


def _traces(host: Host, text: str) -> set[str]:
    """Return the texts that can result if Backscroll is added to a text and removed again."""
    plain, asking = (HostEntry(("backscroll",), {}, needs_key=asks) for asks in (False, True))
    first = connected(host, text, plain)
    ways = (first, connected(host, text, asking), connected(host, first, asking))
    return {disconnected(host, way) for way in ways}


def _left_alone(path: Path, error: MalformedError) -> CommandError:
    return CommandError(f"{path} has {error}; it is left alone: mend it, or use --print")
