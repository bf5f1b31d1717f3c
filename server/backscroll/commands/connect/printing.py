"""Renders a table of the hosts, an entry to copy, and instructions for ChatGPT."""

from collections.abc import Mapping
from typing import Final

from backscroll.commands.connect import host_file
from backscroll.commands.connect.configuration import connected, is_connected, replaced_entry
from backscroll.commands.connect.entry import HostEntry, needs_key, variables
from backscroll.commands.connect.hosts import BY_NAME, HOSTS, Host
from backscroll.commands.connect.jsonc import MalformedError
from backscroll.commands.connect.machine import Machine
from backscroll.process.exits import CommandError
from backscroll.settings.installation import launch
from backscroll.settings.model import Settings
from backscroll.settings.parsing import is_blank

_ADDRESS: Final = """\
ChatGPT has no configuration file. It connects to a server's https:// address.

1. Start the server:  backscroll serve --transport http {options}
   ChatGPT's model {sees}.
   With {settings}, it sees the text, which has about half the tokens.
   Before others can reach the server, set up TLS and authentication.
2. In ChatGPT: Settings, Apps & Connectors, Advanced settings: turn on developer mode.
3. Create an app:
     Name            Backscroll
     MCP server URL  {url}
"""


def entry(host: Host, settings: Settings, flags: Mapping[str, str], key: str) -> HostEntry:
    """Return the entry for a host. It includes the host's `suited` settings.

    Args:
        host: the host.
        settings: the complete settings, loaded from `flags`.
        flags: the settings that the user gave on the command line or in the environment, by name.
        key: the upstream's key if it should be written in clear text; otherwise empty.
    """
    given = {name: text for name, text in flags.items() if not is_blank(text)}
    if "database" in given:  # an absolute path, because the host may run in another folder
        given["database"] = settings.database
    given = {**host.suited, **given}
    return HostEntry(launch(), variables(given), key, needs_key=bool(key) or needs_key(settings))


def standalone(host: Host, entry: HostEntry) -> str:
    """Return the text of a configuration file that contains only this entry."""
    return connected(host, "", entry)


def hosts(machine: Machine) -> str:
    """Return a table that shows for each host whether it is installed and connected."""
    rows = [(host.name, host.title, _state(host, machine)) for host in HOSTS]
    wide = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{name:{wide[0]}}  {title:{wide[1]}}  {state}" for name, title, state in rows)


def address(url: str) -> str:
    """Return instructions for connecting ChatGPT to a server.

    Raises:
        CommandError: the URL does not start with `https://`.
    """
    if url and not url.startswith("https://"):
        raise CommandError("--url must start with https://: ChatGPT only connects over HTTPS")
    host = BY_NAME["chatgpt"]
    options = [f"--{name.replace('_', '-')} {text}" for name, text in host.suited.items()]
    settings = [f"{name}={text}" for name, text in variables(host.suited).items()]
    return _ADDRESS.format(
        url=url or "https://YOUR-ADDRESS/mcp",
        options=" ".join(options),
        sees=host.model_sees,
        settings=" and ".join(settings),
    )


def _state(host: Host, machine: Machine) -> str:
    if host.format == "url":
        return "needs a URL: run backscroll connect chatgpt"
    path = host.config(machine)
    try:
        text = host_file.read(path)
        if text is not None and is_connected(host, text):
            return f"connected      {path}"
        if text is not None and replaced_entry(host, text):
            return f"another entry  {path}"
    except (CommandError, MalformedError):
        return f"unreadable     {path}"
    program = host.own.program if host.own else host.program
    is_installed = text is not None or host.trace(machine).exists() or machine.program(program)
    return f"installed      {path}" if is_installed else "not found"
