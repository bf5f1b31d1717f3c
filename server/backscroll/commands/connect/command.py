"""The click command `backscroll connect`."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from backscroll.commands.options import EVERY, Flags, with_flags
from backscroll.process.exits import CommandError
from backscroll.settings.model import PREFIX

if TYPE_CHECKING:
    from backscroll.commands.connect.entry import HostEntry
    from backscroll.commands.connect.hosts import Host
    from backscroll.commands.connect.machine import Machine

_HOSTS: Final = (
    "claude",
    "claude-code",
    "vscode",
    "cursor",
    "codex",
    "gemini",
    "opencode",
    "copilot",
    "chatgpt",
)


@click.command(
    short_help="Add Backscroll to a host's configuration, or remove it.",
    epilog="""\b
Examples:
backscroll connect                          # list the hosts
backscroll connect vscode
backscroll connect cursor --read-only --toolsets all
backscroll connect codex --upstream openai  # Codex supplies the key
backscroll connect claude --remove
backscroll connect gemini --print
backscroll connect claude-code --skill      # also teach its agents
""",
)
@click.argument("host", required=False, type=click.Choice(_HOSTS))
@click.option("--remove", is_flag=True, help="Remove Backscroll.")
@click.option("--print", "prints", is_flag=True, help="Print the entry, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The configuration file to edit, such as a project's; by default, the user's.",
)
@click.option("--write-key", is_flag=True, help="Write the key to the file, unencrypted.")
@click.option(
    "--check/--no-check",
    "checks",
    default=True,
    help="Start the server once before the entry is written.",
)
@click.option(
    "--skill",
    "with_skill",
    is_flag=True,
    help="Also install the skill that teaches agents to use the tools; with --print, print it.",
)
@click.option("--url", default="", metavar="URL", help="For chatgpt: the server's URL.")
@with_flags(*EVERY)
def connect(  # noqa: PLR0913 - parameters are options
    flags: Flags,
    host: str | None,
    *,
    remove: bool,
    prints: bool,
    yes: bool,
    file: Path | None,
    write_key: bool,
    checks: bool,
    with_skill: bool,
    url: str,
) -> None:
    """Add Backscroll to HOST's configuration, or list the hosts.

    Starts the server once, to check that the entry works on this machine. Then shows the change
    and asks for confirmation. If the host's own command is installed and can write the whole entry,
    that command is run. Otherwise, and always with --file, the file is edited: comments and other
    servers stay unchanged, and a backup is made in the same folder. Settings given as options, or
    set in the environment, are written to the entry.

    With --skill, a file that teaches agents to use the tools is also written to the folder in which
    the host looks for skills. --remove removes this file too, unless it was changed.

    The host supplies the key: it asks the user, or reads BACKSCROLL_API_KEY from its own
    environment. Only --write-key writes the key to the file.
    """
    from backscroll.commands.connect import printing
    from backscroll.commands.connect.hosts import BY_NAME
    from backscroll.commands.connect.machine import Machine

    machine = Machine(sys.platform, os.environ, Path.home())
    if host is None:
        click.echo(printing.hosts(machine))
        return
    chosen = BY_NAME[host]
    if with_skill:
        _check_skill(chosen, machine, file)
    if chosen.format == "url":
        click.echo(printing.address(url))
        return
    path = file or chosen.config(machine)
    if remove:
        _remove(chosen, machine, path, edit=file is not None, yes=yes)
        if chosen.skills and file is None:
            _remove_skill(chosen, machine, yes=yes)
        return
    if prints and with_skill:
        _print_skill(chosen, machine)
        return
    entry = _entry(chosen, flags, write_key=write_key)
    if prints:
        click.echo(printing.standalone(chosen, entry), nl=False)
        return
    _add(chosen, machine, path, entry, edit=file is not None, checks=checks, yes=yes)
    if with_skill:
        _add_skill(chosen, machine, yes=yes)


def _entry(host: "Host", flags: Flags, *, write_key: bool) -> "HostEntry":
    """Return the entry for a host, and show which settings it takes from the environment."""
    from backscroll.commands.connect import given, printing

    set_here = given.set_here(flags)
    settings = given.checked(flags, set_here)
    key = given.key(settings) if write_key else given.no_key(settings)
    entry = printing.entry(host, settings, {**set_here, **flags}, key)
    if set_here:
        named = ", ".join(f"{PREFIX}{name.upper()}" for name in set_here)
        click.echo(f"The entry has these settings from the environment: {named}", err=True)
    return entry


def _add(  # noqa: PLR0913 - parameters are the command's options
    host: "Host",
    machine: "Machine",
    path: Path,
    entry: "HostEntry",
    *,
    edit: bool,
    checks: bool,
    yes: bool,
) -> None:
    """Add an entry to a host's configuration.

    Args:
        host: the host.
        machine: this machine.
        path: the host's configuration file.
        entry: the entry.
        edit: whether to edit the file even if the host's own command is installed.
        checks: whether to start the server once before the entry is added.
        yes: whether to skip the confirmation.
    """
    from backscroll.commands.connect import applying, change, running

    if change.connecting(host, path, entry).has_effect:
        if checks:
            _start(entry, machine)
        run = "" if edit else running.adding(host, machine, path, entry)
        applying.run_or_edit(run, lambda: change.connecting(host, path, entry), yes=yes)
        click.echo(host.next_step)
    else:
        click.echo(f"{host.title} already has Backscroll: {path}")
    if entry.needs_key and not entry.key:
        click.echo(host.key_source)


def _remove(host: "Host", machine: "Machine", path: Path, *, edit: bool, yes: bool) -> None:
    """Remove Backscroll from a host's configuration.

    Args:
        host: the host.
        machine: the machine that the host runs on.
        path: the host's file.
        edit: whether to edit the file even if the host has its own command for this.
        yes: whether to proceed without asking.

    Raises:
        click.Abort: the user declined.
        CommandError: the file cannot be edited.
    """
    from backscroll.commands.connect import applying, change, running
    from backscroll.commands.connect.configuration import replaced_entry

    disconnection = change.disconnecting(host, path)
    if not disconnection.has_effect:
        click.echo(f"{host.title} does not have Backscroll: {path}")
        if replaced_entry(host, disconnection.before or ""):
            click.echo('The entry "backscroll" stays: backscroll connect did not write it.')
        return
    run = "" if edit or disconnection.restores else running.removing(host, machine, path)
    applying.run_or_edit(run, lambda: change.disconnecting(host, path), yes=yes)


def _start(entry: "HostEntry", machine: "Machine") -> None:
    """Start the entry's server once, to check that it works.

    Raises:
        CommandError: the server does not start; nothing was written.
    """
    from backscroll.commands.connect.starting import Start

    try:
        Start(entry, machine).check()
    except CommandError as error:
        raise CommandError(
            f"nothing was written, because {error} (--no-check writes the entry anyway)"
        ) from None
    click.echo("The server was started once, and works.")


def _check_skill(host: "Host", machine: "Machine", file: Path | None) -> None:
    """Check that the skill can be installed for a host.

    Raises:
        CommandError: the host has no folder for skills, the skill's file cannot be read, or --file
            names a project's file.
    """
    from backscroll.commands.connect import skill

    path = skill.path_of(host, machine)
    if file is not None:
        raise CommandError(f"--skill writes {path}: use it without --file")
    skill.installing(path)


def _print_skill(host: "Host", machine: "Machine") -> None:
    """Print the skill to stdout, and its path to stderr."""
    from backscroll.commands.connect import skill
    from backscroll.mcp import skill_file

    click.echo(f"The file belongs at {skill.path_of(host, machine)}", err=True)
    click.echo(skill_file.text(), nl=False)


def _add_skill(host: "Host", machine: "Machine", *, yes: bool) -> None:
    """Install the skill for a host, or update it.

    Raises:
        click.Abort: the user declined.
        CommandError: the file cannot be read or written.
    """
    from backscroll.commands.connect import applying, skill
    from backscroll.commands.connect.host_file import backup_of

    change = skill.installing(skill.path_of(host, machine))
    if not change.has_effect:
        click.echo(f"{host.title} already has the skill: {change.path}")
        return
    if change.backs_up:
        click.echo(
            f"{change.path} was changed, or another program wrote it. It will be replaced, and "
            f"kept as {backup_of(change.path).name}."
        )
    applying.apply(change, yes=yes)


def _remove_skill(host: "Host", machine: "Machine", *, yes: bool) -> None:
    """Remove the skill of a host, unless the file was changed.

    Raises:
        click.Abort: the user declined.
        CommandError: the file cannot be read or removed.
    """
    from backscroll.commands.connect import applying, skill

    change = skill.removing(skill.path_of(host, machine))
    if change.has_effect:
        applying.apply(change, yes=yes)
        skill.remove_empty_folder(change.path)
    elif change.before is not None:
        click.echo(f"{change.path} stays: it was changed, or another program wrote it.")
