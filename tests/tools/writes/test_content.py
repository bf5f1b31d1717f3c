"""What `create-message` writes: a text, or parts of one kind each."""

import pytest

from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.writes.content import content_of

EMPTY: JSON = {"text": "", "image_file": {"file_id": ""}, "image_url": {"url": ""}}
"""What a model fills in of a part's other members, if its host makes it fill in all of them."""

TEXT: JSON = {"type": "text", "text": "Hello"}
FILE: JSON = {"type": "image_file", "image_file": {"file_id": "file-1", "detail": "low"}}
HALF: JSON = {"type": "text", "text": "é" * 128_000}
URL: JSON = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}


@pytest.mark.parametrize(
    ("arguments", "content"),
    [
        ({"content": "Hello"}, "Hello"),
        ({"content": " "}, " "),
        ({"parts": [TEXT, FILE, URL]}, [TEXT, FILE, URL]),
        ({"content": "", "parts": [EMPTY | TEXT, EMPTY | FILE, EMPTY | URL]}, [TEXT, FILE, URL]),
        ({"content": "Hello", "parts": []}, "Hello"),
        ({"parts": [HALF, HALF, URL]}, [HALF, HALF, URL]),
    ],
)
def test_a_text_or_parts_are_written_as_the_api_takes_them(
    arguments: JSON, content: object
) -> None:
    assert content_of(arguments) == content


@pytest.mark.parametrize(
    ("arguments", "flaw"),
    [
        ({}, "content must not be empty, unless parts is given."),
        ({"content": ""}, "content must not be empty, unless parts is given."),
        ({"parts": []}, "content must not be empty, unless parts is given."),
        ({"content": "Hello", "parts": [TEXT]}, "content and parts cannot be used together."),
        ({"parts": [TEXT, {"type": "text"}]}, "parts[1].text must not be empty."),
        ({"parts": [EMPTY | {"type": "text"}]}, "parts[0].text must not be empty."),
        (
            {"parts": [{"type": "image_file", "text": "x"}]},
            "parts[0].image_file.file_id must not be empty.",
        ),
        (
            {"parts": [{"type": "image_url", "image_url": {"detail": "low"}}]},
            "parts[0].image_url.url must not be empty.",
        ),
        (
            {
                "parts": [
                    {"type": "text", "text": "x" * 128_000},
                    URL,
                    TEXT | {"text": "y" * 128_001},
                ]
            },
            "parts must have at most 256000 characters of text in total; they have 256001.",
        ),
        ({"parts": [URL | TEXT]}, "parts[0] has type text, so it cannot have image_url."),
    ],
)
def test_content_that_says_nothing_or_two_things_or_too_much_is_refused(
    arguments: JSON, flaw: str
) -> None:
    with pytest.raises(ToolError) as refused:
        content_of(arguments)

    assert (refused.value.code, refused.value.message) == ("invalid_arguments", flaw)
