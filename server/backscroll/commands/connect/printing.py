"""The output of `backscroll connect`: the hosts, an entry by itself, or an address."""

from collections.abc import Mapping
from typing import Final

from backscroll.commands.connect import host_file
from backscroll.commands.connect.configuration import connected, disconnected
from backscroll.commands.connect.entry import HostEntry, launch, needs_key, variables
from backscroll.commands.connect.hosts import HOSTS, Host, Machine
from backscroll.commands.connect.jsonc import MalformedError
from backscroll.process.exits import CommandError
from backscroll.settings.model import Settings
from backscroll.settings.parsing import is_blank

_ADDRESS: Final = """\
ChatGPT has no file: it reaches servers at an https:// address.

1. Serve it:  backscroll serve --transport http
   Give it an address with TLS, and tell it who may call, before anybody can reach it.
2. In ChatGPT: Settings, Apps & Connectors, Advanced settings: switch developer mode on.
3. Create an app:
     Name            Backscroll
     MCP server URL  {url}
"""


def entry(settings: Settings, flags: Mapping[str, str], key: str) -> HostEntry:
    """Return the entry for a host.

    Args:
        settings: the settings that result from the flags.
        flags: the settings given on the command line, by name.
        key: the key, if it is to be written in clear text; else empty.
    """
    made = {name: text for name, text in flags.items() if not is_blank(text)}
    if "database" in made:  # absolute, because the host starts it in another folder
        made["database"] = settings.database
    return HostEntry(launch(), variables(made), key, needs_key=bool(key) or needs_key(settings))


def alone(host: Host, entry: HostEntry) -> str:
    """Return the text of a configuration file with only this entry."""
    return connected(host, "", entry)


def hosts(machine: Machine) -> str:
    """Return a table of the hosts, with whether each seems installed and is connected."""
    rows = [(host.name, host.title, _state(host, machine)) for host in HOSTS]
    wide = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{name:{wide[0]}}  {title:{wide[1]}}  {state}" for name, title, state in rows)


def address(url: str) -> str:
    """Return instructions for giving ChatGPT an address.

    Raises:
        CommandError: ChatGPT does not accept such an address.
    """
    if url and not url.startswith("https://"):
        raise CommandError("--url must start with https://: ChatGPT reaches nothing else")
    return _ADDRESS.format(url=url or "https://YOUR-ADDRESS/mcp")


def _state(host: Host, machine: Machine) -> str:
    if host.format == "url":
        return "at an address: backscroll connect chatgpt"
    path = host.config(machine)
    try:
        text = host_file.read(path)
        if text is not None and disconnected(host, text) != text:
            return f"connected      {path}"
    except (CommandError, MalformedError):
        return f"unreadable     {path}"
    there = text is not None or host.trace(machine).exists()
    return f"installed      {path}" if there else "not found"
