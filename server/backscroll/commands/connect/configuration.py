"""Adds, finds and removes Backscroll's entry in the text of a host's configuration."""

import tomllib
from collections.abc import Mapping
from typing import Any, Final

from backscroll.commands.connect import json_edit, toml_edit
from backscroll.commands.connect.entry import KEY, KEY_INPUT, HostEntry
from backscroll.commands.connect.hosts import Host
from backscroll.commands.connect.jsonc import BOM, MalformedError, parse
from backscroll.commands.connect.ownership import is_ours, merged
from backscroll.settings.installation import NAME

_INPUT: Final = {
    "type": "promptString",
    "id": KEY_INPUT,
    "description": "The key of Backscroll's upstream",
    "password": True,
}


def connected(host: Host, text: str, entry: HostEntry) -> str:
    """Return a configuration with the entry added, or updated if it already exists.

    An entry of the same name that another program wrote is replaced. A byte order mark is removed,
    because some hosts cannot read a file with such a mark (Gemini CLI 0.61, Claude Desktop).

    Raises:
        MalformedError: the text cannot be parsed in the host's format.
    """
    text = text.removeprefix(BOM)
    path, value = (host.servers, NAME), server(host, entry)
    found = _servers(host, text).get(NAME)
    if isinstance(found, dict) and is_ours(found):
        value = merged(found, value)
    elif found is not None:
        text = _without_entry(host, text)
    if host.format == "toml":
        return toml_edit.with_table(text, path, value)
    if inputs(host, entry):
        text = json_edit.with_element(text, "inputs", _INPUT, _is_input)
    elif host.asks:
        text = json_edit.without_element(text, "inputs", _is_input)
    return json_edit.with_value(text, path, value)


def disconnected(host: Host, text: str) -> str:
    """Return a configuration without its entry named `backscroll`, if it has one.

    Raises:
        MalformedError: as in `connected`.
    """
    if host.asks:
        text = json_edit.without_element(text, "inputs", _is_input)
    return _without_entry(host, text)


def returned(host: Host, text: str, entry: Mapping[str, Any]) -> str:
    """Restore an entry that `connected` replaced, and return the resulting configuration.

    Args:
        host: the host.
        text: the configuration without Backscroll's entry.
        entry: the entry to restore.

    Raises:
        MalformedError: as in `connected`.
    """
    if host.format == "toml":
        return toml_edit.with_table(text, (host.servers, NAME), entry)
    return json_edit.with_member(text, (host.servers, NAME), entry)


def contains(host: Host, text: str, entry: HostEntry) -> bool:
    """Return whether a configuration has this entry, in any formatting.

    Raises:
        MalformedError: as in `connected`.
    """
    found = entry_in(host, text)
    if found is None or not is_ours(found) or found != whole(merged(found, server(host, entry))):
        return False
    return not host.asks or _key_inputs(_data(host, text)) == inputs(host, entry)


def entry_in(host: Host, text: str) -> dict[str, Any] | None:
    """Return the entry named `backscroll`, completed by `whole`; None if there is no such entry.

    Raises:
        MalformedError: as in `connected`.
    """
    found = _servers(host, text).get(NAME)
    return whole(found) if isinstance(found, dict) else None


def is_connected(host: Host, text: str) -> bool:
    """Return whether a configuration has an entry that `backscroll connect` wrote.

    Raises:
        MalformedError: as in `connected`.
    """
    found = entry_in(host, text)
    return found is not None and is_ours(found)


def replaced_entry(host: Host, text: str) -> dict[str, Any] | None:
    """Return the entry named `backscroll` if `backscroll connect` did not write it, or else None.

    Raises:
        MalformedError: as in `connected`.
    """
    found = _servers(host, text).get(NAME)
    return found if isinstance(found, dict) and not is_ours(found) else None


def other_servers(host: Host, text: str) -> dict[str, Any]:
    """Return all servers in a configuration except Backscroll, by name.

    Raises:
        MalformedError: as in `connected`.
    """
    return {name: value for name, value in _servers(host, text).items() if name != NAME}


def whole(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of an entry. If `args` or `env` is missing, it is added with an empty value."""
    return {"args": [], "env": {}, **value}


def inputs(host: Host, entry: HostEntry) -> list[Mapping[str, Any]]:
    """Return the inputs that the entry refers to: values for which the host asks its user."""
    return [_INPUT] if host.asks and entry.needs_key and not entry.key else []


def server(host: Host, entry: HostEntry) -> dict[str, Any]:
    """Return the entry in the host's own format."""
    command, *arguments = entry.command
    value: dict[str, Any] = {"type": host.type} if host.type else {}
    value["command"] = list(entry.command) if host.joined else command
    if arguments and not host.joined:
        value["args"] = arguments
    env = dict(entry.settings)
    if entry.key:
        env[KEY] = entry.key
    elif entry.needs_key and host.forwards:
        value["env_vars"] = [KEY]
    elif entry.needs_key and host.reference:
        env[KEY] = host.reference
    if env:
        value[host.env] = env
    return value


def _without_entry(host: Host, text: str) -> str:
    path = (host.servers, NAME)
    edit = toml_edit.without_table if host.format == "toml" else json_edit.without_member
    return edit(text, path)


def _is_input(value: object) -> bool:
    return isinstance(value, dict) and value.get("id") == KEY_INPUT


def _key_inputs(data: dict[str, Any]) -> list[object]:
    found = data.get("inputs", [])
    return [value for value in found if _is_input(value)] if isinstance(found, list) else []


def _servers(host: Host, text: str) -> dict[str, Any]:
    servers = _data(host, text).get(host.servers, {})
    return servers if isinstance(servers, dict) else {}


def _data(host: Host, text: str) -> dict[str, Any]:
    if host.format == "toml":
        try:
            return tomllib.loads(text.removeprefix(BOM))
        except tomllib.TOMLDecodeError as error:
            raise MalformedError(f"it is not valid TOML: {error}") from None
    data = parse(text).data if text.removeprefix(BOM).strip() else {}
    return data if isinstance(data, dict) else {}
