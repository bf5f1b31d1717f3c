"""What each upstream can do is told alike by the profiles and the documents.

Run with BACKSCROLL_TEST_SNAPSHOTS=write to render it again after a change, then read the diff.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from backscroll.settings.model import load
from backscroll.upstream.connection import upstream_of
from backscroll_tools.client.groups import MESSAGE_FILES, Group
from backscroll_tools.client.profiles import COMPATIBLE, PROFILES, Profile
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Tool

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCUMENT = ROOT / "docs" / "upstreams.md"
WRITES = os.environ.get("BACKSCROLL_TEST_SNAPSHOTS") == "write"

TABLE = re.compile(r"(?<=<!-- upstreams -->\n).*?(?=<!-- /upstreams -->)", re.DOTALL)
EXAMPLE = re.compile(r"^```sh\n((?:[A-Z_]+=\S+\n)+)```$", re.MULTILINE)


def on(tool: Tool, profile: Profile) -> str:
    """Return on what a tool works at an upstream."""
    served = [group for group in tool.needs if group in profile.serves]
    if not served:
        return "if it serves them" if profile is COMPATIBLE else "–"
    words = ", ".join(group.words for group in served) if len(tool.needs) > 1 else "yes"
    if tool.name == "list-message-files":
        return words.replace("conversations", "conversations (derived)").replace(
            "threads", "threads" if MESSAGE_FILES in profile.serves else "threads (derived)"
        )
    return words


def markdown(rows: Iterable[Iterable[str]]) -> str:
    head, *body = [f"| {' | '.join(row)} |" for row in rows]
    rule = f"|{' --- |' * (head.count(' | ') + 1)}"
    return "\n".join([head, rule, *body]) + "\n"


def whole() -> str:
    """Return the table of each tool at each upstream."""
    rows = [[f"`{tool.name}`", *(on(tool, kind) for kind in PROFILES.values())] for tool in TOOLS]
    return markdown([["tool", *(f"`{name}`" for name in PROFILES)], *rows])


def short() -> str:
    """Return the same with an upstream a line, and the tools together that are alike."""
    alike: dict[tuple[Group, ...], list[Tool]] = {}
    for tool in TOOLS:
        alike.setdefault(tool.needs, []).append(tool)
    head = [", ".join(f"`{tool.name}`" for tool in tools) for tools in alike.values()]
    rows = [
        [f"`{name}`", *(on(tools[0], profile) for tools in alike.values())]
        for name, profile in PROFILES.items()
    ]
    return markdown([["upstream", *head], *rows])


@pytest.mark.parametrize(("path", "table"), [(README, short()), (DOCUMENT, whole())])
def test_the_table_of_upstreams_is_what_the_profiles_and_tools_say(path: Path, table: str) -> None:
    text = path.read_text(encoding="utf-8")
    if WRITES:
        text = TABLE.sub(lambda _: table, text)
        path.write_text(text, encoding="utf-8")

    assert TABLE.findall(text) == [table]


def examples() -> list[dict[str, str]]:
    """Return the variables of each example in the document."""
    blocks = EXAMPLE.findall(DOCUMENT.read_text(encoding="utf-8"))
    lines = [[line.partition("=") for line in block.splitlines()] for block in blocks]
    return [{name: value.replace("…", "x") for name, _, value in block} for block in lines]


def test_there_is_an_example_of_every_upstream() -> None:
    shown = {example.get("BACKSCROLL_UPSTREAM", "store") for example in examples()}

    assert shown == set(PROFILES)


@pytest.mark.parametrize("environ", examples(), ids=lambda environ: "-".join(environ.values()))
def test_an_example_works_as_it_stands(environ: dict[str, str]) -> None:
    settings = load({}, environ)
    if settings.upstream == "foundry":  # signs in with a library that need not be here
        settings = load({}, environ | {"BACKSCROLL_API_KEY": "token"})

    upstream = upstream_of(settings)

    assert upstream.profile.name == settings.upstream
    assert upstream.base_url.startswith(settings.base_url)
    assert (upstream.credential is not None) == bool(settings.api_key)
