"""A table comes into TOML and goes out of it, and every other character stays."""

import json
import tomllib
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backscroll.commands.connect.jsonc import MalformedError
from backscroll.commands.connect.toml_edit import with_table, without_table

PATH = ("mcp_servers", "backscroll")
SERVER = {"command": 'C:\\b "x"\x7f', "args": ["ü"], "env": {"A.B": "1"}}

lines = st.lists(
    st.sampled_from(
        [
            "# [mcp_servers.backscroll]",
            'a = """\n[mcp_servers.backscroll]\n"""',
            "b = '''\n[other]''' # c",
            'c = [ # one\n  [1], "]",\n]',
            'd = {e = "[x]"}',
            'mcp_servers."a".command = "x"',
            "[mcp_servers.b]",
            "  [ mcp_servers . 'c d' ] # [e]",
            "[[projects]]",
            "[mcp_servers.b.env]",
            "",
            "# about what follows",
        ]
    ),
    unique=True,
)


@st.composite
def configurations(draw: st.DrawFn) -> str:
    """Return a configuration that tomllib reads, its lines ended in either way."""
    text = "".join(f"{line}\n" for line in draw(lines))
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assume(condition=False)
    return draw(st.sampled_from(["", "\ufeff"])) + text


@given(configurations())
def test_what_came_in_goes_out_and_leaves_no_trace(text: str) -> None:
    within = with_table(text, PATH, SERVER)

    assert without_table(within, PATH) == text
    assert within.startswith(text)


@given(configurations(), configurations())
def test_what_was_added_below_it_stays(above: str, below: str) -> None:
    below = f"[after]\n{below}".replace("\ufeff", "").replace("mcp_servers", "others")
    text = with_table(above, PATH, SERVER) + below

    left = without_table(text, PATH)

    assert left == above + below


@given(configurations())
def test_coming_in_again_changes_that_table_alone(text: str) -> None:
    once = with_table(text, PATH, {"command": "old"})

    assert with_table(once, PATH, SERVER) == with_table(text, PATH, SERVER)


@given(st.text(), st.lists(st.text()), st.dictionaries(st.text(), st.text()))
def test_any_text_is_written_as_toml_reads_it(
    command: str, args: list[str], env: dict[str, str]
) -> None:
    server: dict[str, Any] = {"command": command, "args": args, "env": env}

    assert tomllib.loads(with_table("", PATH, server)) == {"mcp_servers": {"backscroll": server}}


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("a = ", "it is not valid TOML: Invalid value (at end of document)"),
        ("mcp_servers = {a = {}}", "the table cannot be edited"),
        ("mcp_servers = 1", "the table cannot be edited"),
        ('[mcp_servers]\nbackscroll = {command = "x"}', "a form that cannot be edited"),
        ('mcp_servers.backscroll.command = "x"', "a form that cannot be edited"),
        (
            '[mcp_servers.backscroll]\ncommand = "x"\n[o]\n[mcp_servers.backscroll.env]\n',
            "a form that cannot be edited",
        ),
    ],
)
def test_what_has_no_place_for_it_is_refused(text: str, flaw: str) -> None:
    with pytest.raises(MalformedError, match=flaw.replace("(", r"\(").replace(")", r"\)")):
        with_table(text, PATH, SERVER)


def test_json_strings_are_toml_strings_too() -> None:
    every = "".join(map(chr, range(0x80)))

    assert json.loads(json.dumps(every)) == every
    read = tomllib.loads(with_table("", PATH, {"command": every}))
    assert read == {"mcp_servers": {"backscroll": {"command": every}}}
