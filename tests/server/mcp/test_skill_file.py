"""The skill: its frontmatter, what its sentences name, and how an unchanged copy is recognised."""

import re
from typing import Any, Final, cast, get_args

import click
import pytest
from ruamel.yaml import YAML

from backscroll.cli import commands
from backscroll.mcp import skill_file
from backscroll_tools.errors import ErrorCode
from backscroll_tools.models import Page
from backscroll_tools.registry import TOOLS
from backscroll_tools.toolset import MESSAGES

TEXT: Final = skill_file.text()
OFFERED: Final = {tool.name: tool for tool in TOOLS if tool.toolset == MESSAGES}
CODE: Final = re.compile(r"`([^`\n]+)`")
EXAMPLES: Final = {
    *("7d", "3m", "2026-05-01", "~x7Kd2", "-", "_", "chatcmpl", "resp_", "Next:", "Retry:")
}
FIELDS: Final = {"page", "clipped", *(f"page.{name}" for name in Page.__annotations__)}


def parts() -> tuple[dict[str, Any], str]:
    """Return the frontmatter as data, and the body."""
    start, frontmatter, body = TEXT.split("---\n", 2)
    assert start == ""
    return dict(YAML(typ="safe").load(frontmatter)), body


def schemas(name: str) -> dict[str, Any]:
    """Return the schemas of a tool's arguments, by name."""
    return cast("dict[str, Any]", OFFERED[name].input_schema["properties"])


def test_the_frontmatter_is_what_hosts_accept() -> None:
    frontmatter, body = parts()

    # https://agentskills.io/specification: `name`, `description` and the optional fields.
    assert list(frontmatter) == ["name", "description", "license"]
    assert frontmatter["name"] == skill_file.NAME
    assert re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", frontmatter["name"])
    assert 1 <= len(frontmatter["description"]) <= 1024
    assert frontmatter["description"].startswith("Use when ")
    assert not re.search(r"[<>]", frontmatter["description"])
    assert len(body.splitlines()) <= 120


def test_every_name_in_the_skill_exists() -> None:
    pairs = [pair for tool in OFFERED for pair in schemas(tool).items()]
    arguments = {name for name, _ in pairs}
    words = {word for _, schema in pairs for word in schema.get("enum", ())}
    known = {*OFFERED, *arguments, *words, *get_args(ErrorCode), *FIELDS, *EXAMPLES}

    named = set(CODE.findall(parts()[1])) - {"backscroll"}
    typed = {code for code in named if code.startswith("backscroll ")}

    assert named - typed - known == set()
    assert EXAMPLES - named == set()
    assert set(get_args(ErrorCode)) - named == set()
    assert typed == {
        "backscroll connect",
        "backscroll sync",
        "backscroll import FILE",
        "backscroll doctor",
    }
    for line in typed:
        _, command, *_ = line.split()
        assert isinstance(commands.commands[command], click.Command)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("search-messages", "query since until thread_id role order context cursor limit"),
        ("list-messages", "thread_id around limit order preview_chars items cursor"),
        ("get-chat-messages", "completion_id around limit order preview_chars items cursor"),
        ("get-message", "thread_id message_id cursor"),
        ("list-threads", "since until limit cursor"),
        ("create-message", "role content thread_id idempotency_key"),
    ],
)
def test_a_tool_has_the_arguments_that_the_skill_passes_to_it(tool: str, arguments: str) -> None:
    assert set(arguments.split()) - set(schemas(tool)) == set()
    assert f"`{tool}`" in TEXT


def test_the_skill_names_every_tool_of_the_default_toolset() -> None:
    assert [tool for tool in OFFERED if f"`{tool}`" not in TEXT] == []


def test_the_limits_in_the_skill_are_those_of_the_tools() -> None:
    assert schemas("list-messages")["limit"]["maximum"] == 500
    assert "a `limit` up to 500" in TEXT
    assert schemas("search-messages")["context"]["description"].startswith("0 to 5 ")
    assert "`context`: 0 to 5 messages" in TEXT


def test_an_unchanged_copy_of_any_version_is_recognised() -> None:
    older = skill_file.marked("---\nname: backscroll\n---\n\nSearch first.\n", "0.0.9")

    assert skill_file.version_of(older) == "0.0.9"
    assert skill_file.version_of(skill_file.marked(older, "0.2.0")) == "0.2.0"
    assert skill_file.marked(TEXT, skill_file.version_of(TEXT)) == TEXT


@pytest.mark.parametrize(
    "changed",
    [
        TEXT.replace("Find", "find", 1),
        TEXT.replace("\n", "\r\n"),
        TEXT + "Mine.\n",
        TEXT.rpartition("\n<!--")[0],
        "",
    ],
    ids=["a word", "line ends", "a line more", "no mark", "nothing"],
)
def test_a_changed_copy_is_not(changed: str) -> None:
    assert skill_file.version_of(changed) == ""
