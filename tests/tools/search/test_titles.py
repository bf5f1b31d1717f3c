"""Titles of threads, which are searched with the first message."""

import pytest

from backscroll_tools.search.titles import own_title, thread_title, title_of, titled


@pytest.mark.parametrize(
    ("metadata", "title"),
    [
        ({"title": "Boats"}, "Boats"),
        ({"name": "Boats"}, "Boats"),
        ({"topic": "Boats"}, "Boats"),
        ({"topic": "a topic", "name": "a name", "title": "a title"}, "a title"),
        ({"topic": "a topic", "name": "a name"}, "a name"),
        ({"title": "", "topic": "a topic"}, "a topic"),
        ({"title": 5, "name": ["x"], "topic": "a topic"}, "a topic"),
        ({"Title": "Boats", "subject": "Boats"}, ""),
        ({"title": 5}, ""),
        ({}, ""),
        (None, ""),
        ("title", ""),
        (["title"], ""),
    ],
)
def test_metadata_may_have_a_title_under_several_names(metadata: object, title: str) -> None:
    assert title_of(metadata) == title


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        ({"title": "Boats"}, "Boats"),
        ({"name": "Boats"}, "Boats"),
        ({"name": "a name", "title": "a title"}, "a title"),
        ({"name": "a name", "title": ""}, "a name"),
        ({"name": "a name", "title": None}, "a name"),
        ({"topic": "Boats", "metadata": {"title": "Boats"}}, ""),
        ({}, ""),
    ],
)
def test_an_object_may_have_a_title_of_its_own(raw: dict[str, object], title: str) -> None:
    assert own_title(raw) == title


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        ({"name": "own", "metadata": {"topic": "of the metadata"}}, "of the metadata"),
        ({"name": "own", "metadata": {}}, "own"),
        ({"name": "own"}, "own"),
        ({"metadata": None}, ""),
    ],
)
def test_a_title_in_the_metadata_comes_first(raw: dict[str, object], title: str) -> None:
    assert thread_title(raw) == title


def test_a_title_is_searched_on_a_line_after_the_text() -> None:
    assert titled("We begin.", "Boats") == "We begin.\nBoats"
    assert titled("We begin.", "") == "We begin."
