"""`python -m manifests`: render every manifest; with a folder: lay out the bundle in it."""

import json
import re
import sys
from pathlib import Path
from typing import Final

from manifests import bundle, docker, hosts, licenses, links, plugins, registry
from manifests.description import FOLDER, ROOT

_LINKS: Final = re.compile(r"(?<=<!-- links -->\n).*?(?=<!-- /links -->)", re.DOTALL)


def rendered() -> dict[Path, str]:
    """Return what each rendered file holds."""
    objects = {
        "server.json": registry.server(),
        "mcp.json": registry.entry(),
        "links.json": links.links(),
        "vscode/mcp.json": links.vscode_servers(),
        "mcpb/manifest.json": bundle.manifest(),
        "plugin/.claude-plugin/plugin.json": plugins.claude(),
        "plugin/.cursor-plugin/plugin.json": plugins.cursor(),
        "plugin/.codex-plugin/plugin.json": plugins.codex(),
        "plugin/plugin.json": plugins.agent(),
        "plugin/mcp.json": plugins.agent_servers(),
        ".claude-plugin/marketplace.json": plugins.claude_marketplace(),
        ".cursor-plugin/marketplace.json": plugins.cursor_marketplace(),
        ".agents/plugins/marketplace.json": plugins.codex_marketplace(),
        "gemini/gemini-extension.json": plugins.gemini(),
        "docker/tools.json": docker.listed_tools(),
    }
    texts = {
        FOLDER / name: json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        for name, value in objects.items()
    }
    readme = ROOT / "README.md"
    return texts | {
        FOLDER / "docker" / "server.yaml": docker.server(),
        ROOT / "docs" / "hosts.md": hosts.document(),
        ROOT / "docs" / "licenses.md": licenses.document(),
        readme: _LINKS.sub(lambda _: links.markdown(), readme.read_text("utf-8")),
    }


def main() -> None:
    """Write every file, or lay out the bundle in the folder that is named."""
    if len(sys.argv) > 1:
        bundle.stage(Path(sys.argv[1]))
        return
    for path, text in rendered().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", newline="\n")


if __name__ == "__main__":
    main()
