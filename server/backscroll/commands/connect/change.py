"""What `backscroll connect` would do to a file, shown before it is done, and done."""

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
    """A change of one file.

    Attributes:
        path: the file.
        before: its text; None where there is no file.
        after: its text to be; None where the file is to go.
        keeps: whether what was there is kept beside it first.
        brings_back: whether the file will be what was kept, so that the copy can go.
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
        """Return the change as a unified diff; what looks like a secret is not shown."""
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
        """Make the change.

        Raises:
            CommandError: the file is not any more what it was, or cannot be written.
        """
        if host_file.read(self.path) != self.before:
            raise CommandError(f"{self.path} has just been changed by something else: try again")
        if self.keeps:
            host_file.keep(self.path)
        host_file.replace(self.path, self.after)
        if self.brings_back:
            host_file.backup_of(self.path).unlink(missing_ok=True)


def connecting(host: Host, path: Path, entry: HostEntry) -> Change:
    """Return the change that puts the entry into a host's file.

    Raises:
        CommandError: the file cannot be read, or not as the host keeps it: it is left alone.
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
    """Return the change that takes Backscroll out of a host's file.

    The file is to be byte for byte what it was, if only Backscroll has come into it since: in an
    empty place a text does not tell what was there, the copy that was kept does.

    Raises:
        CommandError: as `connecting` does.
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
    """Return what is left of a text that Backscroll came into and went out of again."""
    plain, asking = (HostEntry(("backscroll",), {}, needs_key=asks) for asks in (False, True))
    first = connected(host, text, plain)
    ways = (first, connected(host, text, asking), connected(host, first, asking))
    return {disconnected(host, way) for way in ways}


def _left_alone(path: Path, error: MalformedError) -> CommandError:
    return CommandError(f"{path} has {error}; it is left alone: mend it, or use --print")
