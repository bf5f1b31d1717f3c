"""A member comes into JSON and goes out of it, and every other character stays."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll.commands.connect.json_edit import (
    with_element,
    with_member,
    without_element,
    without_member,
)
from backscroll.commands.connect.jsonc import MalformedError, parse

PATH = ("mcpServers", "backscroll")
SERVER = {"command": "uvx", "args": ["backscroll"], "env": {"A": "ü"}}

names = st.text(max_size=8).filter(lambda name: name not in PATH).map(json.dumps)
blanks = st.lists(
    st.sampled_from([" ", "\t", "\n", "\r\n", "\n    ", "// say, {\n", "/* ] */", "// }\r\n"]),
    max_size=3,
).map("".join)
scalars = (st.none() | st.booleans() | st.integers() | st.text(max_size=8)).map(json.dumps)


@st.composite
def collections(
    draw: st.DrawFn, inner: st.SearchStrategy[str], *, least: int = 0, named: bool | None = None
) -> str:
    """Return the text of an object or array, with blanks and commas anywhere they may be."""
    is_object = draw(st.booleans()) if named is None else named
    values = draw(st.lists(inner, min_size=least, max_size=4))
    keys = draw(st.lists(names, min_size=len(values), max_size=len(values), unique=True))
    items = [
        f"{draw(blanks)}{f'{key}{draw(blanks)}:{draw(blanks)}' if is_object else ''}{value}"
        for key, value in zip(keys, values, strict=True)
    ]
    body = f"{draw(blanks)},".join(items)
    if items:
        body += draw(blanks) + draw(st.sampled_from(["", ","]))
    opening, closing = "{}" if is_object else "[]"
    return f"{opening}{body}{draw(blanks)}{closing}"


values = st.recursive(scalars, collections, max_leaves=8)


@st.composite
def configurations(draw: st.DrawFn, *, servers: int) -> str:
    """Return the text of a configuration with at least so many other servers."""
    holder = draw(collections(values, least=servers, named=True))
    before = draw(st.sampled_from(["", '"theme": "dark",']))
    after = draw(st.sampled_from(["", ","]))
    return (
        f"{draw(st.sampled_from(['', chr(0xFEFF)]))}{draw(blanks)}{{{draw(blanks)}{before}"
        f'{draw(blanks)}"mcpServers":{draw(blanks)}{holder}{draw(blanks)}{after}{draw(blanks)}}}'
        f"{draw(blanks)}"
    )


@given(configurations(servers=1))
def test_what_came_in_goes_out_and_leaves_no_trace(text: str) -> None:
    assert without_member(with_member(text, PATH, SERVER), PATH) == text


@given(configurations(servers=0) | collections(values, named=True))
def test_a_member_comes_in_beside_the_others_and_changes_none(text: str) -> None:
    before = parse(text).data
    assert isinstance(before, dict)

    after = parse(with_member(text, PATH, SERVER)).data

    assert after == before | {"mcpServers": {**before.get("mcpServers", {}), "backscroll": SERVER}}


@given(configurations(servers=0) | collections(values, named=True))
def test_without_neighbours_only_blanks_are_lost_inside_the_emptied_object(text: str) -> None:
    before = parse(text).data
    assert isinstance(before, dict)

    left = without_member(with_member(text, PATH, SERVER), PATH)

    assert parse(left).data == {**before, "mcpServers": before.get("mcpServers", {})}
    assert without_member(with_member(left, PATH, SERVER), PATH) == left


@given(configurations(servers=0))
def test_coming_in_again_changes_that_member_alone(text: str) -> None:
    once = with_member(text, PATH, {"command": "old"})

    again = with_member(once, PATH, SERVER)

    assert without_member(again, PATH) == without_member(once, PATH)
    assert with_member(again, PATH, SERVER) == again


@given(configurations(servers=0))
def test_what_is_not_there_is_not_taken_out(text: str) -> None:
    assert without_member(text, PATH) == text


@given(collections(values, named=False, least=1))
def test_an_element_comes_and_goes_like_a_member(array: str) -> None:
    def is_ours(value: object) -> bool:
        return isinstance(value, dict) and value.get("id") == "our own"

    text = f'{{\n  "inputs": {array}\n}}'

    within = with_element(text, "inputs", {"id": "our own"}, is_ours)

    assert with_element(within, "inputs", {"id": "our own"}, is_ours) == within
    assert without_element(within, "inputs", is_ours) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", '{\n  "mcpServers": {\n    "backscroll": 1\n  }\n}\n'),
        ("{}", '{\n  "mcpServers": {\n    "backscroll": 1\n  }\n}'),
        (
            '{\n\t"mcpServers": {}\n}\n',
            '{\n\t"mcpServers": {\n\t\t"backscroll": 1\n\t}\n}\n',
        ),
        (
            '{\r\n    "mcpServers": {\r\n        "a": 1 // one\r\n    }\r\n}\r\n',
            (
                '{\r\n    "mcpServers": {\r\n        "a": 1, // one\r\n        "backscroll": 1'
                "\r\n    }\r\n}\r\n"
            ),
        ),
        (
            '{"mcpServers": {"a": 1}, "b": 2}',
            '{"mcpServers": {"a": 1, "backscroll": 1}, "b": 2}',
        ),
        (
            '{\n  "mcpServers": {\n    "a": 1,\n    /* last */\n  },\n}',
            '{\n  "mcpServers": {\n    "a": 1,\n    /* last */\n    "backscroll": 1,\n  },\n}',
        ),
    ],
)
def test_a_member_is_written_as_its_neighbours_are(text: str, expected: str) -> None:
    assert with_member(text, PATH, 1) == expected


def test_a_member_in_the_middle_goes_with_its_line_and_no_comment_swallows_the_next() -> None:
    lines = '{"mcpServers": {\n  // ours\n  "backscroll": 1,\n  "a": 2\n}}'
    one_line = '{"mcpServers": {\n  // ours\n  "backscroll": 1, "a": 2\n}}'

    assert without_member(lines, PATH) == '{"mcpServers": {\n  // ours\n  "a": 2\n}}'
    assert without_member(one_line, PATH) == '{"mcpServers": {\n  // ours\n  "a": 2\n}}'


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("[]", "it is not a JSON object"),
        ('{"mcpServers": []}', "'mcpServers' is not an object"),
        ('{"mcpServers": null}', "'mcpServers' is not an object"),
        ('{"mcpServers": {}, "mcpServers": {}}', "it has 'mcpServers' more than once"),
        ('{"mcpServers": {', "it is not valid JSON from line 1, column 17 on"),
    ],
)
@pytest.mark.parametrize(
    "edit",
    [lambda text: with_member(text, PATH, 1), lambda text: without_member(text, PATH)],
    ids=["in", "out"],
)
def test_what_has_no_place_for_it_is_refused(
    text: str, flaw: str, edit: Callable[[str], str]
) -> None:
    with pytest.raises(MalformedError) as refused:
        edit(text)

    assert str(refused.value) == flaw
