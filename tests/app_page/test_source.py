"""The page is one small file that loads nothing and never turns text into HTML."""

import re
from pathlib import Path

import pytest

import backscroll.mcp

PAGE = Path(backscroll.mcp.__file__).parent / "app" / "conversation.html"
SOURCE = PAGE.read_text(encoding="utf-8")


def test_the_page_is_smaller_than_60_kb() -> None:
    assert len(SOURCE.encode()) < 60_000


@pytest.mark.parametrize(
    "way",
    [
        r"\b(?:inner|outer)HTML\b",
        r"\binsertAdjacentHTML\b",
        r"\bsetHTML",
        r"\bcreateContextualFragment\b",
        r"\bDOMParser\b",
        r"\bdocument\.write",
        r"\beval\b",
        r"\bFunction\s*\(",
        r"\bimport\s*\(",
        r"\bset(?:Timeout|Interval)\(\s*[\"'`]",
        r"\bon[a-z]+\s*=\s*[\"']",
    ],
)
def test_no_text_can_become_html_or_code(way: str) -> None:
    assert not re.search(way, SOURCE)


def test_the_page_loads_nothing_from_elsewhere() -> None:
    loading = r"<(?:link|img|iframe|object|embed|base)\b|\bsrc\s*=|@import|url\((?!s)|https?://\w"

    assert not re.search(loading, SOURCE)


def test_the_page_names_its_version_once() -> None:
    assert SOURCE.count("__VERSION__") == 1
