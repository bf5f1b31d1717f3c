"""Shared by tests of all tools: the tools offered by default, and calls that each accepts."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from backscroll.mcp.toolsets import offered
from backscroll.settings.model import Settings
from backscroll_tools.client.profiles import COMPATIBLE, PROFILES, STORE
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS

OFFERED: Final = offered(TOOLS, Settings(), STORE)
"""The tools that agents are offered with default settings."""

NAMES: Final = [tool.name for tool in OFFERED]
READERS: Final = [tool.name for tool in OFFERED if not tool.writes]

EVERYTHING: Final = replace(
    COMPATIBLE, serves=frozenset(group for each in PROFILES.values() for group in each.serves)
)
"""A kind of upstream that serves every group of endpoints."""

_VALUES: Final[Mapping[str, tuple[object, ...]]] = {
    "thread_id": ("thread_1", "conv_1"),
    "message_id": ("msg_1",),
    "completion_id": ("chatcmpl_1",),
    "kind": ("batches",),
    "metadata": ({"topic": "refunds"},),
}
"""Ids of each kind that an argument may have; other arguments are filled from their schemas."""

_OF_TYPE: Final[Mapping[str, object]] = {
    "string": "hello",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "array": [],
    "object": {},
}


def least_calls(schema: Mapping[str, Any]) -> Iterator[JSON]:
    """Yield calls with only the arguments that are needed, with every kind of id.

    Args:
        schema: the schema of a tool's arguments.
    """
    required = [*schema.get("required", ()), *schema["properties"].keys() & {"content", "query"}]
    values = (_VALUES.get(name) or (_filled(schema["properties"][name]),) for name in required)
    for call in itertools.product(*values):
        yield dict(zip(required, call, strict=True))


def _filled(schema: Mapping[str, Any]) -> object:
    """Return a value that the schema of one argument accepts, as far as its type tells."""
    if "enum" in schema:
        return schema["enum"][0]
    return schema.get("minimum", _OF_TYPE[schema["type"]])
