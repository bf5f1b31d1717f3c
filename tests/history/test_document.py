"""docs/history.md says what is read from where, and what is redacted."""

import re
from pathlib import Path

from backscroll.history.redaction.tokens import AFTER, BY_START
from backscroll.history.sources.known import SOURCES

PAGE = (Path(__file__).parents[2] / "docs" / "history.md").read_text("utf-8")


def test_every_source_has_a_row() -> None:
    table = PAGE.partition("| source |")[2].partition("\n\n")[0]

    assert re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE) == [each.name for each in SOURCES]


def test_every_kind_of_token_is_named() -> None:
    listed = PAGE.partition("<!-- kinds -->")[2].partition("<!-- /kinds -->")[0]
    tokens = [*AFTER, *(token for tokens in BY_START.values() for token in tokens)]

    assert listed.split(", ") == sorted({token.kind for token in tokens})
