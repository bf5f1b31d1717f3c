"""Links that install Backscroll in Cursor or VS Code, after the application asks the user.

Sources: cursor.com/docs/mcp/install-links, and VS Code's MCP developer guide.
"""

import base64
import json
from typing import Final
from urllib.parse import quote

from backscroll.settings.installation import requirement
from manifests.description import JSON, NAME, SERVER, TYPED_SERVER, suited

_CURSOR: Final = "cursor://anysphere.cursor-deeplink/mcp/install"
_CURSOR_PAGE: Final = "https://cursor.com/install-mcp"
_VSCODE: Final = "vscode:mcp/install"
_VSCODE_PAGE: Final = "https://vscode.dev/redirect?url="
"""Pages that redirect to the application, because READMEs are shown with https links only."""


def vscode_servers() -> JSON:
    """Return VS Code's mcp.json for a project to share."""
    return {"servers": {NAME: suited("vscode", TYPED_SERVER)}}


def links() -> JSON:
    """Return the links, by host: for applications, and for pages."""
    config = base64.b64encode(_compact(SERVER).encode()).decode()
    query = f"?name={NAME}&config={quote(config, safe='')}"
    vscode = (
        f"{_VSCODE}?{quote(_compact({'name': NAME, **suited('vscode', TYPED_SERVER)}), safe='')}"
    )
    return {
        "cursor": {"link": _CURSOR + query, "page": _CURSOR_PAGE + query},
        "vscode": {"link": vscode, "page": _VSCODE_PAGE + quote(vscode, safe="")},
    }


def markdown() -> str:
    """Return the links as Markdown for the README."""
    pages = {host: held["page"] for host, held in links().items()}
    return f"[Add to VS Code]({pages['vscode']}) · [Add to Cursor]({pages['cursor']})\n"


def any_host() -> str:
    """Return the entry for any host that reads `mcpServers`, as Markdown for the README."""
    return f"```json\n{_compact({'mcpServers': {NAME: SERVER}})}\n```\n"


def installing() -> str:
    """Return the commands that install Backscroll without a clone, as Markdown for the README."""
    return f"""```sh
uv tool install {requirement()}
pipx install {requirement()}
```
"""


def _compact(value: JSON) -> str:
    return json.dumps(value, separators=(",", ":"))
