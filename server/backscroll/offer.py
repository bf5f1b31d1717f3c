"""Which kind of upstream the settings choose, and which tools are offered on it.

Imports the standard library only: it is asked before anything else is imported.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol, TypeVar, cast

from backscroll.settings import Settings
from backscroll_tools.client.profiles import COMPATIBLE, PROFILES, STORE, Profile, Serves


def profile_of(settings: Settings) -> Profile:
    """Return the kind of upstream that the settings choose, with what they say of it."""
    profile = PROFILES[settings.upstream]
    if profile is not COMPATIBLE:
        return profile
    return replace(
        profile,
        serves=frozenset(cast("tuple[Serves, ...]", settings.serves)),
        honours_idempotency_keys=settings.idempotency_keys,
        trusts_has_more=settings.has_more,
    )


def is_embedded(settings: Settings) -> bool:
    """Whether the upstream is the store in this process, and not one at an address."""
    return PROFILES[settings.upstream] is STORE and not settings.base_url


class Offerable(Protocol):
    """What decides whether a tool is offered."""

    @property
    def toolset(self) -> str:
        """The group that an operator offers or withholds."""

    @property
    def writes(self) -> bool:
        """Whether the tool adds anything."""

    @property
    def needs(self) -> tuple[Serves, ...]:
        """Endpoints of which the upstream must have one."""


T = TypeVar("T", bound=Offerable)


def offered(tools: Iterable[T], settings: Settings, profile: Profile) -> tuple[T, ...]:
    """Return the tools that the settings allow and the upstream can serve, in their order."""
    return tuple(
        tool
        for tool in tools
        if ("all" in settings.toolsets or tool.toolset in settings.toolsets)
        and not (tool.writes and settings.read_only)
        and profile.serves.intersection(tool.needs)
    )
