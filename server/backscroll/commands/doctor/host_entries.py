"""Checks Backscroll's entries in the configuration files of hosts."""

from backscroll.commands.connect import host_file
from backscroll.commands.connect.configuration import entry_in, is_connected
from backscroll.commands.connect.entry import variables
from backscroll.commands.connect.hosts import HOSTS, Host, Machine
from backscroll.commands.connect.jsonc import MalformedError
from backscroll.commands.doctor.diagnosis import Check
from backscroll.process.exits import CommandError


def check_hosts(machine: Machine) -> tuple[Check, ...]:
    """Check each host whose file has an entry that `backscroll connect` wrote.

    A file that cannot be read is skipped, because `backscroll connect` reports it.
    """
    return tuple(check for host in HOSTS if host.format != "url" for check in _check(host, machine))


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
