"""`python -m manifests`: render all manifests and references; with a folder: lay the bundle out."""

import json
import sys
from pathlib import Path

from manifests import (
    bundle,
    commands_page,
    docker,
    hosts,
    licenses,
    links,
    plugins,
    registry,
    settings_page,
    tools_page,
)
from manifests.description import FOLDER, ROOT


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
        ROOT / "docs" / "commands.md": commands_page.document(),
        ROOT / "docs" / "settings.md": settings_page.document(),
        ROOT / "docs" / "tools.md": tools_page.document(),
        readme: _placed(
            readme.read_text("utf-8"),
            {"links": links.markdown(), "settings": settings_page.few()},
        ),
    }


def _placed(text: str, parts: dict[str, str]) -> str:
    """Return a text with each part between the comments that name it."""
    for name, part in parts.items():
        before, begin, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        text = before + begin + part + end + after
    return text


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
