"""A host's configuration with Backscroll in it, and without: texts to texts."""

import tomllib
from collections.abc import Mapping
from typing import Any, Final

from backscroll.commands.connect import json_edit, toml_edit
from backscroll.commands.connect.entry import KEY, KEY_INPUT, NAME, HostEntry
from backscroll.commands.connect.hosts import Host
from backscroll.commands.connect.jsonc import MARK, MalformedError, parse

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
    path, value = (host.servers, NAME), server(host, entry)
    if host.format == "toml":
        return toml_edit.with_table(text, path, value)
    if inputs(host, entry):
        text = json_edit.with_element(text, "inputs", _INPUT, _is_input)
    elif host.asks:
        text = json_edit.without_element(text, "inputs", _is_input)
    return json_edit.with_member(text, path, value)


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


def holds(host: Host, text: str, entry: HostEntry) -> bool:
    """Return whether a configuration says all that the entry says, in whatever form.

    Raises:
        MalformedError: as `connected` does.
    """
    if entry_in(host, text) != whole(server(host, entry)):
        return False
    return not host.asks or _asked(_data(host, text)) == inputs(host, entry)


def entry_in(host: Host, text: str) -> dict[str, Any] | None:
    """Return the entry of a configuration, with what it leaves out; None if it has none.

    Raises:
        MalformedError: as `connected` does.
    """
    found = _servers(host, text).get(NAME)
    return whole(found) if isinstance(found, dict) else None


def other_servers(host: Host, text: str) -> dict[str, Any]:
    """Return the servers of a configuration, without Backscroll.

    Raises:
        MalformedError: as `connected` does.
    """
    return {name: held for name, held in _servers(host, text).items() if name != NAME}


def whole(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry with the arguments and the environment that it may leave out."""
    return {"args": [], "env": {}, **value}


def inputs(host: Host, entry: HostEntry) -> list[Mapping[str, Any]]:
    """Return what the host asks its user for, so that the entry can refer to it."""
    return [_INPUT] if host.asks and entry.needs_key and not entry.key else []


def server(host: Host, entry: HostEntry) -> dict[str, Any]:
    """Return the entry in the host's own words."""
    command, *arguments = entry.command
    value: dict[str, Any] = {"type": "stdio"} if host.typed else {}
    value |= {"command": command, "args": arguments}
    if not arguments:
        del value["args"]
    env = dict(entry.settings)
    if entry.key:
        env[KEY] = entry.key
    elif entry.needs_key and host.forwards:
        value["env_vars"] = [KEY]
    elif entry.needs_key and host.reference:
        env[KEY] = host.reference
    if env:
        value["env"] = env
    return value


def _is_input(value: object) -> bool:
    return isinstance(value, dict) and value.get("id") == KEY_INPUT


def _asked(data: dict[str, Any]) -> list[object]:
    asked = data.get("inputs", [])
    return [value for value in asked if _is_input(value)] if isinstance(asked, list) else []


def _servers(host: Host, text: str) -> dict[str, Any]:
    servers = _data(host, text).get(host.servers, {})
    return servers if isinstance(servers, dict) else {}


def _data(host: Host, text: str) -> dict[str, Any]:
    if host.format == "toml":
        try:
            return tomllib.loads(text.removeprefix(MARK))
        except tomllib.TOMLDecodeError as error:
            raise MalformedError(f"no TOML: {error}") from None
    data = parse(text).data if text.removeprefix(MARK).strip() else {}
    return data if isinstance(data, dict) else {}
