"""The bundle for Claude Desktop and other hosts (.mcpb, manifest 0.4): its manifest and files.

The bundle contains the server. The host's uv installs its dependencies and starts it.
"""

import shutil
from pathlib import Path
from typing import Final

from manifests.description import (
    AUTHOR,
    DESCRIPTION,
    FOLDER,
    JSON,
    KEYWORDS,
    LICENSE,
    NAME,
    PROJECT,
    REPOSITORY,
    ROOT,
    TITLE,
    VERSION,
    tools,
    variable,
)

_TITLES: Final = {
    "upstream": "Upstream",
    "base_url": "Base URL",
    "api_key": "API key",
    "read_only": "Read only",
}
ASKED: Final = tuple(_TITLES)
"""The settings that hosts ask the user for. The others keep their defaults."""

_ENTRY: Final = "main.py"
_IGNORED: Final = shutil.ignore_patterns("__pycache__")


def manifest() -> JSON:
    """Return the bundle's manifest."""
    return {
        "manifest_version": "0.4",
        "name": NAME,
        "display_name": TITLE,
        "version": VERSION,
        "description": DESCRIPTION,
        "author": {"name": AUTHOR},
        "repository": {"type": "git", "url": REPOSITORY},
        "server": {
            "type": "uv",
            "entry_point": _ENTRY,
            "mcp_config": {
                "command": "uv",
                "args": ["run", "--no-dev", "--directory", "${__dirname}", _ENTRY],
                "env": {variable(name).name: f"${{user_config.{name}}}" for name in ASKED},
            },
        },
        "tools": [{"name": tool.name, "description": tool.description} for tool in tools()],
        "keywords": list(KEYWORDS),
        "license": LICENSE,
        "compatibility": {
            "platforms": ["darwin", "linux", "win32"],
            "runtimes": {"python": PROJECT["requires-python"]},
        },
        "user_config": {name: option(name) for name in ASKED},
    }


def option(name: str) -> JSON:
    """Return the `user_config` entry of a setting, for a bundle or a Claude Code plugin."""
    asked = variable(name)
    words = f" One of: {', '.join(asked.choices)}." if asked.choices else ""
    entry: JSON = {
        "type": asked.format,
        "title": _TITLES[name],
        "description": asked.description + words,
        "required": False,
    }
    if asked.secret:
        entry["sensitive"] = True
    entry["default"] = asked.default == "true" if asked.format == "boolean" else asked.default
    return entry


def stage(folder: Path) -> None:
    """Copy the bundle's files into a folder, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    for package in ("server/backscroll", "tools/backscroll_tools"):
        shutil.copytree(ROOT / package, folder / package, ignore=_IGNORED)
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for name in ("manifest.json", _ENTRY):
        shutil.copy(FOLDER / "mcpb" / name, folder)
