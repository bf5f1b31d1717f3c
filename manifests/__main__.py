"""`python -m manifests [FOLDER]`: renders everything that is rendered, or stages the bundle."""

import json
from collections.abc import Iterator
from pathlib import Path

import click

from backscroll.stdio import front, front_table
from manifests import (
    bundle,
    commands_page,
    docker,
    examples,
    hosts,
    licenses,
    links,
    plugins,
    registry,
    settings_page,
    skill,
    snapshots,
    tool_tables,
    tools_page,
    tree,
)
from manifests.description import FOLDER, ROOT, tools


def rendered() -> dict[Path, str]:
    """Return the text of each rendered file."""
    objects = {
        "server.json": registry.server(),
        "mcp.json": registry.entry(),
        "links.json": links.links(),
        "vscode/mcp.json": links.vscode_servers(),
        "mcpb/manifest.json": bundle.manifest(),
        "plugin/.claude-plugin/plugin.json": plugins.claude(),
        "plugin/.cursor-plugin/plugin.json": plugins.cursor(),
        "plugin/.codex-plugin/plugin.json": plugins.codex(),
        "plugin/codex-mcp.json": plugins.codex_servers(),
        "plugin/plugin.json": plugins.agent(),
        "plugin/mcp.json": plugins.agent_servers(),
        ".claude-plugin/marketplace.json": plugins.claude_marketplace(),
        ".cursor-plugin/marketplace.json": plugins.cursor_marketplace(),
        ".agents/plugins/marketplace.json": plugins.codex_marketplace(),
        "gemini/gemini-extension.json": plugins.gemini(),
        "docker/tools.json": docker.listed_tools(),
    }
    texts = {FOLDER / name: _json(value) for name, value in objects.items()}
    texts |= {
        snapshots.FOLDER / f"{tool.name}.json": _json(snapshots.published(tool)) for tool in tools()
    }
    docs = ROOT / "docs"
    return texts | {
        FOLDER / "docker" / "server.yaml": docker.server(),
        front.TABLE: front_table.rendered(),
        docs / "hosts.md": hosts.document(),
        docs / "licenses.md": licenses.document(),
        docs / "commands.md": commands_page.document(),
        docs / "settings.md": settings_page.document(),
        docs / "tools.md": tools_page.document(),
        **skill.files(),
        **dict(_in_part()),
    }


def left_over() -> list[Path]:
    """Return the snapshots of tools that no longer exist."""
    return sorted(set(snapshots.FOLDER.iterdir()) - set(rendered()))


def stale() -> list[str]:
    """Return the files that `make render` would change, create or remove, from the root."""
    changed = [
        path
        for path, text in rendered().items()
        if not path.is_file() or path.read_text("utf-8") != text
    ]
    return [path.relative_to(ROOT).as_posix() for path in (*changed, *left_over())]


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _in_part() -> Iterator[tuple[Path, str]]:
    """Yield the documents of which only parts are rendered."""
    docs = ROOT / "docs"
    parts = {
        ROOT / "README.md": {
            "install": links.installing(),
            "links": links.markdown(),
            "entry": links.any_host(),
            "tools": tool_tables.summaries(),
            "upstreams": tool_tables.upstreams_by_tool(),
            "settings": settings_page.few(),
        },
        docs / "upstreams.md": {"upstreams": tool_tables.tools_by_upstream()},
    }
    for path, named in parts.items():
        yield path, _with_parts(path.read_text("utf-8"), named)
    for path in examples.DOCUMENTS:
        yield path, examples.shown(path.read_text("utf-8"))
    contributing = ROOT / "CONTRIBUTING.md"
    yield contributing, tree.mapped(contributing.read_text("utf-8"))


def _with_parts(text: str, parts: dict[str, str]) -> str:
    """Return a text with each part inserted between the comments that name it."""
    for name, part in parts.items():
        before, begin, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        text = before + begin + part + end + after
    return text


@click.command(
    options_metavar="",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
def main(folder: Path | None) -> None:
    """Write every file that is rendered or, with FOLDER, stage the bundle there.

    The folder is emptied first.
    """
    if folder is not None:
        bundle.stage(folder)
        return
    for path, text in rendered().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", newline="\n")
    for path in left_over():
        path.unlink()


if __name__ == "__main__":
    main(prog_name="python -m manifests")
