"""Computes, shows and applies the change that `backscroll connect` makes to a file."""

import difflib
from pathlib import Path
from typing import Final

from msgspec import Struct

from backscroll.commands.connect import host_file
from backscroll.commands.connect.configuration import (
    connected,
    contains,
    disconnected,
    is_connected,
    replaced_entry,
    returned,
)
from backscroll.commands.connect.entry import HostEntry
from backscroll.commands.connect.hosts import Host
from backscroll.commands.connect.jsonc import BOM, MalformedError
from backscroll.commands.connect.secrecy import hidden
from backscroll.process.exits import CommandError

_CONTEXT_LINES: Final = 2


class Change(Struct, frozen=True):
    """A change to one file.

    Attributes:
        path: the file.
        before: the file's current text; None if there is no file.
        after: the file's new text; None to delete the file.
        backs_up: whether to make a backup before the change.
        restores: whether the new text contains text from the backup. If so, `apply` deletes the
            backup.
    """

    path: Path
    before: str | None
    after: str | None
    backs_up: bool = False
    restores: bool = False

    @property
    def has_effect(self) -> bool:
        """Whether the new text differs from the current one."""
        return self.before != self.after

    def diff(self) -> str:
        """Return the change as a unified diff, with values that look like secrets hidden."""
        before, after = ((text or "").removeprefix(BOM) for text in (self.before, self.after))
        lines = difflib.unified_diff(
            before.splitlines(),
            after.splitlines(),
            str(self.path) if self.before is not None else "(no file)",
            str(self.path) if self.after is not None else "(no file)",
            n=_CONTEXT_LINES,
            lineterm="",
        )
        had_mark = self.before is not None and self.before.startswith(BOM)
        loses_mark = had_mark and self.after is not None and not self.after.startswith(BOM)
        marked = ["(The byte order mark at the start is removed.)"] if loses_mark else []
        return "\n".join((*marked, *map(hidden, lines)))

    def apply(self) -> None:
        """Apply the change.

        Raises:
            CommandError: the file has changed since it was read, or cannot be written.
        """
        if host_file.read(self.path) != self.before:
            raise CommandError(f"{self.path} was changed by another program: try again")
        if self.backs_up:
            host_file.back_up(self.path)
        host_file.replace(self.path, self.after)
        if self.restores:
            host_file.backup_of(self.path).unlink(missing_ok=True)


def connecting(host: Host, path: Path, entry: HostEntry) -> Change:
    """Return the change that adds Backscroll's entry to a host's file.

    Raises:
        CommandError: the file cannot be read or parsed.
    """
    before = host_file.read(path)
    try:
        after = connected(host, before or "", entry)
        if before is not None and contains(host, before, entry):
            after = before.removeprefix(BOM)
        is_new = before is not None and not is_connected(host, before)
    except MalformedError as error:
        raise _unedited(path, error) from None
    has_backup = host_file.backup_of(path).exists()
    return Change(path, before, after, backs_up=is_new or (before is not None and not has_backup))


def disconnecting(host: Host, path: Path) -> Change:
    """Return the change that removes Backscroll from a host's file.

    If adding Backscroll was the only change since the backup, the backup is restored byte for byte.
    (Removing only the entry can leave an empty object that the original file did not have.) If
    Backscroll replaced an entry of the same name, that entry is restored. An entry that `backscroll
    connect` did not write is not removed.

    Raises:
        CommandError: as in `connecting`.
    """
    before = host_file.read(path)
    if before is None:
        return Change(path, None, None)
    backup = host_file.read(host_file.backup_of(path))
    try:
        if not is_connected(host, before):
            return Change(path, before, before)
        after = disconnected(host, before)
        original = None if backup is None or is_connected(host, backup) else backup
        if after in _traces(host, original or ""):
            return Change(path, before, original, restores=backup is not None)
        replaced = original and replaced_entry(host, original)
        if replaced:
            return Change(path, before, returned(host, after, replaced), restores=True)
    except MalformedError as error:
        raise _unedited(path, error) from None
    return Change(path, before, after)


def _traces(host: Host, text: str) -> set[str]:
    """Return every text that can result if Backscroll is added to `text` and then removed."""
    plain, asking = (HostEntry(("backscroll",), {}, needs_key=asks) for asks in (False, True))
    first = connected(host, text, plain)
    ways = (first, connected(host, text, asking), connected(host, first, asking))
    return {disconnected(host, way) for way in ways}


def _unedited(path: Path, error: MalformedError) -> CommandError:
    return CommandError(f"{path} was not changed: {error}; fix the file, or use --print")
