"""Selects the tools that the server offers.

This module imports no third-party library, because a stdio server answers the first requests before
it has imported the MCP SDK.
"""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from backscroll.settings.model import Settings
from backscroll_tools.client.groups import Group
from backscroll_tools.client.profiles import Profile
from backscroll_tools.toolset import Toolset


class Offerable(Protocol):
    """The properties of a tool that decide whether the tool is offered."""

    @property
    def toolset(self) -> Toolset:
        """The toolset that the tool belongs to."""

    @property
    def writes(self) -> bool:
        """Whether the tool adds, changes or deletes anything."""

    @property
    def needs(self) -> tuple[Group, ...]:
        """The tool works if the upstream serves at least one of these groups of endpoints."""


T = TypeVar("T", bound=Offerable)


def offered(tools: Iterable[T], settings: Settings, profile: Profile) -> tuple[T, ...]:
    """Return the tools that the settings allow and that work with the upstream."""
    return tuple(
        tool
        for tool in tools
        if ("all" in settings.toolsets or tool.toolset.name in settings.toolsets)
        and not (tool.writes and settings.read_only)
        and profile.serves.intersection(tool.needs)
    )
