"""A host's configuration with Backscroll in it, and without: texts to texts."""

from typing import Any, Final

from backscroll.commands.connect import json_edit, toml_edit
from backscroll.commands.connect.entry import KEY, KEY_INPUT, NAME, HostEntry
from backscroll.commands.connect.hosts import Host

_INPUT: Final = {
    "type": "promptString",
    "id": KEY_INPUT,
    "description": "The key of Backscroll's upstream",
    "password": True,
}


def connected(host: Host, text: str, entry: HostEntry) -> str:
    """Return a configuration with the entry, in place of the one that was there.

    Raises:
        MalformedError: it cannot be read as the host keeps it.
    """
    path, server = (host.servers, NAME), _server(host, entry)
    if host.format == "toml":
        return toml_edit.with_table(text, path, server)
    if host.asks and entry.needs_key and not entry.key:
        text = json_edit.with_element(text, "inputs", _INPUT, _is_input)
    elif host.asks:
        text = json_edit.without_element(text, "inputs", _is_input)
    return json_edit.with_member(text, path, server)


def disconnected(host: Host, text: str) -> str:
    """Return a configuration without Backscroll; the same where it was not there.

    Raises:
        MalformedError: as `connected` does.
    """
    path = (host.servers, NAME)
    if host.format == "toml":
        return toml_edit.without_table(text, path)
    if host.asks:
        text = json_edit.without_element(text, "inputs", _is_input)
    return json_edit.without_member(text, path)


def _server(host: Host, entry: HostEntry) -> dict[str, Any]:
    """Return the entry in the host's own words."""
    command, *arguments = entry.command
    server: dict[str, Any] = {"type": "stdio"} if host.typed else {}
    server |= {"command": command, "args": arguments}
    if not arguments:
        del server["args"]
    env = dict(entry.settings)
    if entry.key:
        env[KEY] = entry.key
    elif entry.needs_key and host.forwards:
        server["env_vars"] = [KEY]
    elif entry.needs_key and host.reference:
        env[KEY] = host.reference
    if env:
        server["env"] = env
    return server


def _is_input(value: object) -> bool:
    return isinstance(value, dict) and value.get("id") == KEY_INPUT
