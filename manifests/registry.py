"""The MCP registry's server.json (schema 2025-12-11), and a generic `mcpServers` entry."""

from typing import Final

from manifests.description import (
    DESCRIPTION,
    JSON,
    NAME,
    REGISTRY_NAME,
    SERVER,
    TITLE,
    VERSION,
    Variable,
    variables,
)

SCHEMA: Final = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"


def server() -> JSON:
    """Return the registry's manifest."""
    return {
        "$schema": SCHEMA,
        "name": REGISTRY_NAME,
        "title": TITLE,
        "description": DESCRIPTION,
        "version": VERSION,
        "packages": [
            {
                "registryType": "pypi",
                "identifier": NAME,
                "version": VERSION,
                "runtimeHint": "uvx",
                "transport": {"type": "stdio"},
                "environmentVariables": [_input(item) for item in variables()],
            }
        ],
    }


def entry() -> JSON:
    """Return the entry to paste into any host that reads `mcpServers`."""
    return {"mcpServers": {NAME: SERVER}}


def _input(item: Variable) -> JSON:
    field: JSON = {"name": item.name, "description": item.description}
    if item.format != "string":
        field["format"] = item.format
    if item.choices:
        field["choices"] = list(item.choices)
    if item.default:
        field["default"] = item.default
    if item.example:
        field["placeholder"] = item.example
    if item.secret:
        field["isSecret"] = True
    return field
