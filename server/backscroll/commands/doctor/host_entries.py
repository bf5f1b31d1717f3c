"""Checks Backscroll's entries in the configuration files of hosts, and its skills."""

from backscroll.commands.connect import host_file, skill
from backscroll.commands.connect.configuration import entry_in, is_connected
from backscroll.commands.connect.entry import variables
from backscroll.commands.connect.hosts import HOSTS, Host
from backscroll.commands.connect.jsonc import MalformedError
from backscroll.commands.connect.machine import Machine
from backscroll.commands.doctor.diagnosis import Check
from backscroll.mcp import skill_file
from backscroll.process.exits import CommandError


def check_hosts(machine: Machine) -> tuple[Check, ...]:
    """Check each host whose file has an entry that `backscroll connect` wrote, and each skill.

    A file that cannot be read is skipped, because `backscroll connect` reports it.
    """
    hosts = [host for host in HOSTS if host.format != "url"]
    return tuple(
        check for host in hosts for check in (*_check(host, machine), *_check_skill(host, machine))
    )


def _check(host: Host, machine: Machine) -> tuple[Check, ...]:
    path = host.config(machine)
    try:
        text = host_file.read(path) or ""
        if not is_connected(host, text):
            return ()
        found = (entry_in(host, text) or {}).get(host.env) or {}
    except (CommandError, MalformedError):
        return ()
    missing = {name: value for name, value in variables(host.suited).items() if name not in found}
    if not missing:
        return (Check(host.name, "ok", f"connected in {path}"),)
    listed = " and ".join(f"{name}={value}" for name, value in missing.items())
    return (
        Check(
            host.name,
            "warning",
            f"its entry lacks {listed}; its model {host.model_sees}",
            next_step=(
                f"Add {'them' if len(missing) > 1 else 'it'} to {host.env} of the entry in "
                f"{path}, or run backscroll connect {host.name} again with the options that you "
                "gave."
            ),
        ),
    )


def _check_skill(host: Host, machine: Machine) -> tuple[Check, ...]:
    """Check that an installed skill is the one of this version. A changed skill is not checked."""
    if host.skills is None:
        return ()
    path = skill.path_of(host, machine)
    try:
        text = host_file.read(path) or ""
    except CommandError:
        return ()
    version = skill_file.version_of(text)
    if not version or text == skill_file.text():
        return ()
    return (
        Check(
            host.name,
            "warning",
            f"its skill is the one of Backscroll {version}: {path}",
            next_step=f"Run backscroll connect {host.name} --skill.",
        ),
    )
