"""Decides, from the results of read-only requests, which tools will work."""

from collections.abc import Mapping

from backscroll.commands.doctor.diagnosis import Check, ToolFitness
from backscroll.settings.model import Settings
from backscroll_tools.client.groups import ORGANIZATION, SEARCH, Group
from backscroll_tools.client.profiles import Profile
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Tool


def fitness_of_all(
    settings: Settings, profile: Profile, checks: Mapping[Group, Check]
) -> tuple[ToolFitness, ...]:
    """Return whether each tool will work.

    Args:
        settings: the settings, which determine the tools that agents are offered.
        profile: the kind of upstream.
        checks: the result for each endpoint group; empty if no request could be sent.
    """
    return tuple(
        ToolFitness(tool.name, "withheld", reason)
        if (reason := _withheld(tool, settings, profile))
        else _fitness(tool, profile, checks)
        for tool in TOOLS
    )


def unneeded_groups(settings: Settings, profile: Profile) -> frozenset[Group]:
    """Return the endpoint groups that no offered tool needs.

    If there is no admin key, `ORGANIZATION` is also returned, even if an offered tool needs it.
    """
    offered = [tool for tool in TOOLS if not _withheld(tool, settings, profile)]
    needed = {group for tool in offered for group in tool.needs}
    if not settings.admin_key:
        needed.discard(ORGANIZATION)
    return frozenset(group for tool in TOOLS for group in tool.needs) - needed


def _withheld(tool: Tool, settings: Settings, profile: Profile) -> str:
    """Return why the server does not offer a tool, or an empty string if it does."""
    if not profile.serves.intersection(tool.needs):
        return f"not offered: {profile.name} does not serve {_joined(tool.needs, 'or')}"
    if tool.toolset.name not in settings.toolsets and "all" not in settings.toolsets:
        return f"not offered: BACKSCROLL_TOOLSETS does not include {tool.toolset.name}"
    if tool.writes and settings.read_only:
        return "not offered: BACKSCROLL_READ_ONLY is true"
    return ""


def _fitness(tool: Tool, profile: Profile, checks: Mapping[Group, Check]) -> ToolFitness:
    served = [group for group in tool.needs if group in profile.serves]
    working = [
        group for group in served if group in checks and checks[group].verdict in {"ok", "unclear"}
    ]
    if not working:
        reasons = dict.fromkeys(
            checks[group].detail
            if group in checks
            else "the store was not opened, because a check of its database failed"
            for group in served
        )
        return ToolFitness(tool.name, "broken", "; ".join(reasons))
    detail = f"on {_joined(working, 'and')}"
    if tool.writes:
        detail += "; writing was not tested"
    if SEARCH in tool.needs and SEARCH not in working:
        detail += "; without search, so it reads one message after another"
    return ToolFitness(tool.name, "works", detail)


def _joined(groups: tuple[Group, ...] | list[Group], word: str) -> str:
    *others, last = (group.words for group in groups)
    return f"{', '.join(others)} {word} {last}" if others else last
