"""Files of JSON conversations: an array, JSON Lines, or one object."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from backscroll.history.conversation import SourceConversation, Unreadable
from backscroll.history.reading.records import read_records
from tests.history.formats.reading import file_of


def named(found: Mapping[str, Any], position: str) -> Iterator[SourceConversation]:
    yield SourceConversation(source=position, id=str(found.get("id")), items=())


def read(text: str, field: str = "") -> list[tuple[str, str]]:
    """Return the position of each record, and its id or why there is none."""
    return [
        (record.position, record.reason)
        if isinstance(record, Unreadable)
        else (record.source, record.id)
        for record in read_records(file_of(text), named, field)
    ]


@pytest.mark.parametrize(
    ("text", "records"),
    [
        ('[{"id":1},{"id":2}]', [("conversation 1", "1"), ("conversation 2", "2")]),
        ('{"of":[{"id":1}],"more":2}', [("conversation 1", "1")]),
        ('{"id":1,"of":3}', [("the file", "1")]),
        (json.dumps({"id": 1, "x": [{}]}, indent=2), [("the file", "1")]),
        ('{"id":1}\n\n{"id":2}\n', [("line 1", "1"), ("line 3", "2")]),
        ('{"id":1}\n{"id":', [("line 1", "1"), ("line 2", "is cut off")]),
        ('{"id":\n{"id":2}\n', [("line 1", "is not valid JSON"), ("line 2", "2")]),
        ('[{"id":1},3]', [("conversation 1", "1"), ("conversation 2", "is not a JSON object")]),
        ('{"id":1,\n"x":\n', [("the file", "is cut off")]),
        ("[]", [("the file", "is not a JSON object")]),
    ],
)
def test_each_record_is_read_with_its_position(text: str, records: list[tuple[str, str]]) -> None:
    found = read(text, "of")

    assert [(position, reason.partition(",")[0]) for position, reason in found] == records


def test_invalid_bytes_are_counted() -> None:
    (record,) = read_records(file_of('[{"id":"\udcff"}]'), named)

    assert isinstance(record, SourceConversation)
    assert record.replaced > 0
