"""tests/tools/snapshots: each tool in a file of its own, so that a change shows as a diff."""

from typing import Final

from msgspec import structs

from backscroll_tools.tool import Tool
from manifests.description import JSON, ROOT

FOLDER: Final = ROOT / "tests" / "tools" / "snapshots"


def published(tool: Tool) -> JSON:
    """Return what hosts list and models read of a tool, and what decides whether it is offered."""
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.input_schema,
        "outputSchema": tool.output_schema,
        "toolset": tool.toolset.name,
        "hints": structs.asdict(tool.hints),
        "needs": [group.name for group in tool.needs],
        "finds": tool.finds,
        "keywords": tool.keywords,
    }
