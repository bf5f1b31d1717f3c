"""Computes the changes that put Backscroll's skill where a host looks for skills, or remove it."""

from contextlib import suppress
from pathlib import Path

from backscroll.commands.connect import host_file
from backscroll.commands.connect.change import Change
from backscroll.commands.connect.hosts import HOSTS, Host
from backscroll.commands.connect.machine import Machine
from backscroll.mcp import skill_file
from backscroll.process.exits import CommandError


def path_of(host: Host, machine: Machine) -> Path:
    """Return the path of the skill's file for a host.

    Raises:
        CommandError: the host has no folder for skills.
    """
    if host.skills is None:
        others = ", ".join(each.name for each in HOSTS if each.skills is not None)
        raise CommandError(
            f"{host.title} has no folder for skills. Hosts that have such a folder: {others}"
        )
    return host.skills(machine) / skill_file.NAME / skill_file.FILE_NAME


def is_foreign(text: str | None) -> bool:
    """Return whether a file exists that Backscroll did not write, or that was changed since."""
    return text is not None and not skill_file.version_of(text)


def installing(path: Path) -> Change:
    """Return the change that writes this version's skill, with a backup of a foreign file.

    Raises:
        CommandError: the file cannot be read.
    """
    before = host_file.read(path)
    return Change(path, before, skill_file.text(), backs_up=is_foreign(before))


def removing(path: Path) -> Change:
    """Return the change that removes the skill, or restores the file that it replaced.

    The change has no effect on a foreign file.

    Raises:
        CommandError: the file or its backup cannot be read.
    """
    before = host_file.read(path)
    if before is None or is_foreign(before):
        return Change(path, before, before)
    backup = host_file.read(host_file.backup_of(path))
    return Change(path, before, backup, restores=backup is not None)


def remove_empty_folder(path: Path) -> None:
    """Remove the folder that contained the skill's file, if it is empty."""
    with suppress(OSError):
        path.parent.rmdir()
