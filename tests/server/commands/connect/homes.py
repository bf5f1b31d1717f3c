"""Realistic home folders: each host's file, with other servers and comments."""

from pathlib import Path
from typing import Final

from backscroll.commands.connect.hosts import BY_NAME
from backscroll.commands.connect.machine import Machine

PLATFORMS: Final = ("linux", "darwin", "win32")

FILES: Final = {
    "claude": (
        b'{\n  "mcpServers": {\n    "filesystem": {\n      "command": "npx",\n      "args": ["-y", '
        b'"@modelcontextprotocol/server-filesystem", "/srv"]\n    }\n  },\n  '
        b'"globalShortcut": "Ctrl+Space"\n}'
    ),
    "claude-code": (
        b'{\n  "numStartups": 184,\n  "tipsHistory": {\n    "new-user-warmup": 3\n  },\n'
        b'  "projects": {\n    "/home/ada/w": {\n      "allowedTools": [],\n'
        b'      "mcpServers": {},\n      "history": [{"display": "what // is it"}]\n    }\n  },\n'
        b'  "oauthAccount": {"displayName": "Ada \\u00dc"},\n  "mcpServers": {}\n}\n'
    ),
    "vscode": (
        b'// Servers that every window has\n{\n\t"inputs": [\n\t\t{\n\t\t\t// asked once\n'
        b'\t\t\t"type": "promptString",\n\t\t\t"id": "github_token",\n\t\t\t"description": "GitHub"'
        b',\n\t\t\t"password": true,\n\t\t},\n\t],\n\t"servers": {\n\t\t"github": {\n\t\t\t"url": '
        b'"https://example.com/mcp/", // remote\n\t\t\t"headers": {"Authorization": '
        b'"Bearer ${input:github_token}"},\n\t\t},\n\t\t/* "old": {}, */\n\t},\n}\n'
    ),
    "cursor": (
        b'\xef\xbb\xbf{\r\n    "mcpServers": {\r\n        "linear": {\r\n            "url": '
        b'"https://example.com/sse"\r\n        }\r\n    }\r\n}\r\n'
    ),
    "codex": (
        b'model = "gpt-6-codex"\napproval_policy = "on-request" # ask me\n\n'
        b'developer_instructions = """\n[mcp_servers.backscroll]\n"""\n\n[mcp_servers.docs]\n'
        b'command = "npx"\nargs = ["-y", "docs-mcp"]\n\n# where I work\n[projects."/home/ada/w"]\n'
        b'trust_level = "trusted"'
    ),
    "gemini": (
        b'{\n  "theme": "GitHub", // day and night\n  "selectedAuthType": "oauth-personal"\n}\n'
    ),
    "opencode": (
        b'{\n  "$schema": "https://opencode.ai/config.json",\n  "theme": "system", // day\n'
        b'  "mcp": {\n    "docs": {\n      "type": "local",\n      "command": ["npx", "-y", '
        b'"docs-mcp"],\n      "enabled": false\n    }\n  }\n}\n'
    ),
    "copilot": (
        b'{\n  "mcpServers": {\n    "docs": {\n      "tools": [\n        "*"\n      ],\n'
        b'      "type": "local",\n      "command": "npx",\n      "args": [\n        "-y",\n'
        b'        "docs-mcp"\n      ]\n    }\n  }\n}\n'
    ),
}

BROKEN: Final = {
    **dict.fromkeys(FILES, b'{\n  "mcpServers": {\n    "a": {,\n'),
    "codex": b'[mcp_servers.docs]\ncommand = "npx\n',
}


def machine(platform: str, home: Path) -> Machine:
    """Return a machine of a platform, with the variables that its system sets."""
    folders = {
        "APPDATA": str(home / "AppData" / "Roaming"),
        "LOCALAPPDATA": str(home / "AppData" / "Local"),
    }
    return Machine(platform, folders if platform == "win32" else {}, home)


def lived_in(name: str, where: Machine, raw: bytes) -> Path:
    """Put a host's file into a home folder, and return its path."""
    path = BY_NAME[name].config(where)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    return path
