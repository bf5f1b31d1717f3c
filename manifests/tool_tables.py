"""Tables of the tools in documents: what each does, and where each works."""

from backscroll_tools.client.groups import MESSAGE_FILES, READABLE, SEARCH, Group
from backscroll_tools.client.profiles import COMPATIBLE, PROFILES, Profile
from backscroll_tools.tool import Tool
from backscroll_tools.toolset import MESSAGES, TOOLSETS
from manifests.description import tools
from manifests.tables import code, table


def summaries() -> str:
    """Return what each tool does, for the README. The tools of an opt-in toolset share a line."""
    rows = [(code(tool.name), tool.summary) for tool in _default()]
    for toolset in TOOLSETS:
        names = [code(tool.name) for tool in tools() if tool.toolset is toolset]
        if toolset is not MESSAGES and names:
            rows.append((f"toolset {code(toolset.name)}", f"{toolset.about}: {', '.join(names)}"))
    return table(("tool", "does"), rows)


def tools_by_upstream() -> str:
    """Return on what each tool works at each upstream, a tool a line, for docs/upstreams.md."""
    rows = ((code(tool.name), *(_on(tool, kind) for kind in PROFILES.values())) for tool in tools())
    return table(("tool", *map(code, PROFILES)), rows)


def upstreams_by_tool() -> str:
    """Return the same for the README: an upstream a line, and tools that are alike together.

    The tools of opt-in toolsets are left out, because there are too many for the columns.
    """
    alike: dict[tuple[Group, ...], list[Tool]] = {}
    for tool in _default():
        adds_messages = tool.name == "create-message"
        alike.setdefault(READABLE if adds_messages else tool.needs, []).append(tool)
    head = (", ".join(code(tool.name) for tool in tools) for tools in alike.values())
    rows = (
        (code(name), *(_on_all(tools, profile) for tools in alike.values()))
        for name, profile in PROFILES.items()
    )
    return table(("upstream", *head), rows)


def _default() -> list[Tool]:
    return [tool for tool in tools() if tool.toolset is MESSAGES]


def _on_all(tools: list[Tool], profile: Profile) -> str:
    """Return where the first of several tools works, and whether none of them can write there."""
    words = _on(tools[0], profile)
    is_read_only = words != "–" and "–" in [_on(tool, profile) for tool in tools]
    return f"{words} (read only)" if is_read_only else words


def _on(tool: Tool, profile: Profile) -> str:
    served = [group for group in tool.needs if group in profile.serves]
    if not served:
        return "if it serves them" if profile is COMPATIBLE else "–"
    listed = [group for group in served if group is not SEARCH]
    only_lists = all(group.part_of is not None for group in listed)
    words = ", ".join(group.words for group in listed)
    if len(tool.needs) == 1 or only_lists:
        words = "yes"
    if SEARCH in tool.needs:
        words += " (by an index)" if SEARCH in served else " (by reading)"
    if tool.name == "list-message-files":
        for derived in ("conversations", "responses", "agent sessions", "interactions"):
            words = words.replace(derived, f"{derived} (derived)")
        return words.replace(
            "threads", "threads" if MESSAGE_FILES in profile.serves else "threads (derived)"
        )
    return words
