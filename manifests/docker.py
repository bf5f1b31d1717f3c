"""Docker's MCP catalogue: the server's entry and tools (docker/mcp-registry, CONTRIBUTING.md)."""

from io import StringIO

from ruamel.yaml import YAML

from manifests.bundle import ASKED
from manifests.description import (
    CATEGORY,
    DESCRIPTION,
    JSON,
    KEYWORDS,
    NAME,
    REPOSITORY,
    TITLE,
    Variable,
    arguments,
    tools,
    variable,
)


def server() -> str:
    """Return server.yaml. The submitter adds the commit that the image is built from."""
    asked = [variable(name) for name in ASKED]
    entry: JSON = {
        "name": NAME,
        "image": f"mcp/{NAME}",
        "type": "server",
        "meta": {"category": CATEGORY, "tags": list(KEYWORDS)},
        "about": {"title": TITLE, "description": DESCRIPTION},
        "source": {"project": REPOSITORY, "branch": "main"},
        "config": {
            "description": "Where the messages are stored.",
            "secrets": [
                {"name": f"{NAME}.{item.setting}", "env": item.name, "example": "<KEY>"}
                for item in asked
                if item.secret
            ],
            "env": [
                {
                    "name": item.name,
                    "example": item.example or item.default,
                    "value": f"{{{{{NAME}.{item.setting}}}}}",
                }
                for item in asked
                if not item.secret
            ],
            "parameters": {
                "type": "object",
                "properties": {item.setting: _schema(item) for item in asked if not item.secret},
            },
        },
    }
    written = StringIO()
    yaml = YAML()
    yaml.width = 10_000
    yaml.dump(entry, written)
    return written.getvalue()


def listed_tools() -> list[JSON]:
    """Return tools.json, so that Docker need not start the server to list its tools."""
    return [
        {
            "name": tool.name,
            "description": tool.description,
            "arguments": [
                {"name": name, "type": schema["type"], "desc": schema.get("description", "")}
                for name, schema in arguments(tool).items()
            ],
        }
        for tool in tools()
    ]


def _schema(item: Variable) -> JSON:
    schema: JSON = {"type": item.format, "description": item.description}
    if item.choices:
        schema["enum"] = list(item.choices)
    if item.default:
        schema["default"] = item.default == "true" if item.format == "boolean" else item.default
    return schema
