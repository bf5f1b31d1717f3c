"""What the documents say is there is there, and what is there they say."""

import dataclasses
import re
import shlex
import tomllib
from collections.abc import Iterator
from typing import get_args

import click
import pytest

from backscroll.cli import commands
from backscroll.settings.model import OPENAI, PREFIX, Settings
from backscroll_tools import schemas
from backscroll_tools.errors import ErrorCode
from backscroll_tools.models import Hit, HitsPage, Page
from backscroll_tools.registry import TOOLS
from manifests import commands_page, tools_page
from manifests.description import arguments
from tests.house.documents import ROOT, Document, every

VARIABLE = re.compile(rf"\b{PREFIX}[A-Z_]+")
TESTS_OWN = {
    name
    for path in (ROOT / "tests").rglob("*.py")
    for name in VARIABLE.findall(path.read_text("utf-8"))
    if name.startswith("BACKSCROLL_TEST_")
}
PLACEHOLDERS = (
    "BACKSCROLL_NAME",
    "BACKSCROLL_HTTP_",
    "BACKSCROLL_ALLOWED_",
    "BACKSCROLL_OAUTH_",
    "BACKSCROLL_TLS_",
)
SETTINGS = {f"{PREFIX}{field.name.upper()}": field for field in dataclasses.fields(Settings)}

TOOLS_PAGE = Document(ROOT / "docs" / "tools.md")
SETTINGS_PAGE = Document(ROOT / "docs" / "settings.md")
COMMANDS_PAGE = Document(ROOT / "docs" / "commands.md")

IN_THE_TREE = re.compile(r"(?:bench|docs|manifests|server|tests|tools)/[\w/.-]+")
TO_BE_WRITTEN = {"tools/backscroll_tools/tools/describe_thread.py"}
"""What docs/extending.md has its reader write."""

SECTION = re.compile(r"^## (\S+(?: \S+)*)$", re.MULTILINE)
CODE_ROW = re.compile(r"^\| `([a-z_]+)` \| [^|]+ \| [^|]+ \|$", re.MULTILINE)


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    told = set(VARIABLE.findall(SETTINGS_PAGE.text)) - set(PLACEHOLDERS)

    assert told == set(SETTINGS)
    assert [name for name in OPENAI.values() if f"`{name}`" not in SETTINGS_PAGE.text] == []


@pytest.mark.parametrize("document", every(), ids=str)
def test_a_document_names_no_setting_that_is_not_one(document: Document) -> None:
    named = set(VARIABLE.findall(document.text))

    assert named - set(SETTINGS) - TESTS_OWN - set(PLACEHOLDERS) == set()


@pytest.mark.parametrize("document", every(), ids=str)
def test_a_default_in_a_table_is_the_default(document: Document) -> None:
    for name, told in document.defaults():
        if name in SETTINGS:
            default = SETTINGS[name].default
            shown = ",".join(default) if isinstance(default, tuple) else str(default)
            assert told.lower() == shown.lower().removesuffix(".0"), name


def test_every_tool_is_documented_and_every_documented_one_exists() -> None:
    sections = SECTION.findall(TOOLS_PAGE.text)

    assert sections == [*(tool.name for tool in TOOLS), "Results", "Errors"]
    readme = Document(ROOT / "README.md")
    assert [tool.name for tool in TOOLS if f"`{tool.name}`" not in readme.text] == []


def test_every_argument_of_a_tool_is_documented_with_it() -> None:
    _, *sections = SECTION.split(TOOLS_PAGE.text)
    told = dict(zip(sections[::2], sections[1::2], strict=True))

    for tool in TOOLS:
        named = re.findall(r"^\| `([a-z_]+)` \|", told[tool.name], re.MULTILINE)
        assert named == list(arguments(tool))


def test_every_field_of_a_page_is_documented() -> None:
    hits_page, page = HitsPage.__annotations__, Page.__annotations__
    assert list(tools_page.PAGE) == list(page)
    assert {*page, *tools_page.HITS_PAGE} >= hits_page.keys() >= tools_page.HITS_PAGE.keys()
    assert list(tools_page.HIT) == list(Hit.__annotations__)
    shown = list(schemas.PAGE_AROUND["properties"])
    assert shown == list(page)[: len(shown)]


def test_every_error_code_is_documented_and_every_documented_one_exists() -> None:
    _, _, errors = TOOLS_PAGE.text.partition("## Errors")

    assert CODE_ROW.findall(errors) == list(get_args(ErrorCode)) == list(tools_page.ERRORS)


def test_every_command_is_documented_and_every_documented_one_exists() -> None:
    assert SECTION.findall(COMMANDS_PAGE.text) == [path for path, _ in commands_page.every()]


def spoken(document: Document) -> Iterator[list[str]]:
    """Yield each command of ours that a sentence names, as words."""
    for code in document.code():
        if code.startswith("backscroll ") and "…" not in code:
            yield shlex.split(code)


@pytest.mark.parametrize("document", every(), ids=str)
def test_a_sentence_names_only_commands_and_options_that_exist(document: Document) -> None:
    for words in spoken(document):
        command: click.Command = commands
        options = {"--help", "--version"}
        for word in words[1:]:
            if isinstance(command, click.Group) and not word.startswith("-"):
                assert word in command.commands, words
                command = command.commands[word]
                options |= {
                    name
                    for each in command.params
                    if isinstance(each, click.Option)
                    for name in (*each.opts, *each.secondary_opts)
                }
            elif word.startswith("--"):
                assert word.partition("=")[0] in options, words


@pytest.mark.parametrize("document", every(), ids=str)
def test_a_link_leads_somewhere(document: Document) -> None:
    broken = []
    for link in document.links():
        if re.match(r"[a-z]+:", link):
            continue  # whether another's page is there is not for a test that runs offline
        name, _, anchor = link.partition("#")
        target = (document.path.parent / name).resolve() if name else document.path
        found = target.exists()
        if anchor and target.suffix == ".md":
            found = found and anchor in Document(target).anchors()
        if not found:
            broken.append(link)

    assert broken == []


@pytest.mark.parametrize("document", every(), ids=str)
def test_a_file_of_the_repository_that_a_document_names_is_there(document: Document) -> None:
    named = {code for code in document.code() if IN_THE_TREE.fullmatch(code)}

    assert {name for name in named - TO_BE_WRITTEN if not (ROOT / name).exists()} == set()


def test_every_page_is_linked_from_the_readme_or_from_another() -> None:
    linked = {
        (document.path.parent / link.partition("#")[0]).resolve()
        for document in every()
        for link in document.links()
    }

    assert [path.name for path in (ROOT / "docs").glob("*.md") if path not in linked] == []


def test_every_extra_that_is_named_is_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {
        name
        for document in every()
        for name in re.findall(r"backscroll\[([a-z]+)\]", document.text)
    }

    assert named <= set(project["optional-dependencies"])


def test_every_make_command_that_is_named_is_one() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        code.split()[1]
        for document in every()
        for code in (*document.code(), *document.shell())
        if re.match(r"make [a-z]", code)
    }

    assert named <= targets
    assert {"demo", "test", "check", "bench", "evaluate", "soak", "render"} <= named
