"""Plugins and extensions: Claude Code, Cursor, Codex, Gemini CLI, and the vendor-neutral form.

Sources, as of November 2026: code.claude.com/docs/en/plugins-reference,
cursor.com/docs/reference/plugins, developers.openai.com/codex/plugins,
geminicli.com/docs/extensions/reference, agent-plugins.org (1.0.0, which Codex reads too).
"""

from typing import Final

from manifests.bundle import ASKED, option
from manifests.description import (
    AUTHOR,
    CATEGORY,
    DESCRIPTION,
    JSON,
    KEYWORDS,
    LICENSE,
    NAME,
    REPOSITORY,
    SERVER,
    TITLE,
    TYPED_SERVER,
    VERSION,
    suited,
    variable,
)

_SCHEMAS: Final = "https://agent-plugins.org/schemas/1.0.0"
_SOURCE: Final = "./plugin"

_IDENTITY: Final[JSON] = {
    "name": NAME,
    "version": VERSION,
    "description": DESCRIPTION,
    "author": {"name": AUTHOR},
    "homepage": REPOSITORY,
    "repository": REPOSITORY,
    "license": LICENSE,
    "keywords": list(KEYWORDS),
}


def claude() -> JSON:
    """Return Claude Code's plugin, which asks for settings and keeps the key in the keychain."""
    env = {variable(name).name: f"${{user_config.{name}}}" for name in ASKED}
    return {
        **_IDENTITY,
        "userConfig": {name: option(name) for name in ASKED},
        "mcpServers": {NAME: suited("claude-code", {**TYPED_SERVER, "env": env})},
    }


def claude_marketplace() -> JSON:
    """Return the marketplace in which Claude Code finds the plugin."""
    listed = {"name": NAME, "source": _SOURCE, "description": DESCRIPTION, "category": CATEGORY}
    return {
        "name": NAME,
        "description": DESCRIPTION,
        "owner": {"name": AUTHOR},
        "plugins": [listed],
    }


def cursor() -> JSON:
    """Return Cursor's plugin, which has no settings: `backscroll connect` sets them."""
    return {**_IDENTITY, "displayName": TITLE, "mcpServers": {NAME: SERVER}}


def cursor_marketplace() -> JSON:
    """Return the marketplace in which Cursor finds the plugin."""
    listed = {"name": NAME, "source": _SOURCE, "description": DESCRIPTION}
    return {"name": NAME, "owner": {"name": AUTHOR}, "plugins": [listed]}


def codex() -> JSON:
    """Return Codex's plugin."""
    return {
        **_IDENTITY,
        "mcpServers": "./codex-mcp.json",
        "skills": "./skills/",
        "interface": {
            "displayName": TITLE,
            "shortDescription": DESCRIPTION,
            "longDescription": DESCRIPTION,
            "developerName": AUTHOR,
            "category": CATEGORY.capitalize(),
            "capabilities": ["Interactive", "Write"],
        },
    }


def codex_servers() -> JSON:
    """Return the file with the servers of Codex's plugin."""
    return {"mcpServers": {NAME: suited("codex", TYPED_SERVER)}}


def codex_marketplace() -> JSON:
    """Return the marketplace in which Codex finds the plugin."""
    listed = {
        "name": NAME,
        "source": {"source": "local", "path": _SOURCE},
        "policy": {"installation": "AVAILABLE", "authentication": "ON_INSTALL"},
        "category": CATEGORY.capitalize(),
    }
    return {"name": NAME, "interface": {"displayName": TITLE}, "plugins": [listed]}


def agent() -> JSON:
    """Return the vendor-neutral plugin."""
    return {"$schema": f"{_SCHEMAS}/plugin.schema.json", **_IDENTITY}


def agent_servers() -> JSON:
    """Return the vendor-neutral plugin's mcp.json."""
    return {"$schema": f"{_SCHEMAS}/mcp.schema.json", "mcpServers": {NAME: TYPED_SERVER}}


def gemini() -> JSON:
    """Return Gemini CLI's extension, which passes settings on as environment variables."""
    settings = [
        {
            "name": option(name)["title"],
            "description": option(name)["description"],
            "envVar": variable(name).name,
            "sensitive": variable(name).secret,
        }
        for name in ASKED
    ]
    return {
        "name": NAME,
        "version": VERSION,
        "description": DESCRIPTION,
        "mcpServers": {NAME: SERVER},
        "settings": settings,
    }
