"""Answers of model servers that are not streamed."""

import json

import pytest

from backscroll.store.recorder.assembling.assembly import Assembled
from backscroll.store.recorder.assembling.whole import read_completion, read_response
from tests.models.script import JSON

COMPLETION: JSON = {"id": "chatcmpl-1", "choices": [{"index": 0, "message": {"content": "é"}}]}
RESPONSE: JSON = {"id": "resp_1", "status": "queued", "error": None, "output": []}
FAILED: JSON = {**RESPONSE, "status": "failed", "error": {"code": "x", "message": "It failed."}}


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\r\n "])
def test_an_answer_is_its_object(start: bytes) -> None:
    whole = start + json.dumps(COMPLETION, ensure_ascii=False).encode()

    assert read_completion(whole) == Assembled(COMPLETION, complete=True)
    for value in (RESPONSE, FAILED):
        assert read_response(json.dumps(value).encode()) == Assembled(value, complete=True)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"error": {"message": "out of credit"}}', "error"),
        (b'{"error": "out of credit"}', "error"),
        (b"<!doctype html>", "unreadable"),
        (b'{"id": "chatcmpl-1", "choi', "unreadable"),
        (b"[]", "unreadable"),
        (b"", "unreadable"),
        (b"[" * 100_000, "unreadable"),
        (b'{"id": "x", "choices": null, "output": null}', "no_events"),
        (b"{}", "no_events"),
    ],
    ids=range(9),
)
def test_anything_else_is_not_complete(body: bytes, reason: str) -> None:
    for found in (read_completion(body), read_response(body)):
        assert (found.complete, found.reason) == (False, reason)
        expected = {"message": "out of credit"} if reason == "error" else None
        assert found.error == expected


def test_a_body_above_the_bound_is_not_read() -> None:
    body = json.dumps(COMPLETION).encode()

    assert read_completion(body, len(body)).complete
    assert read_completion(body, len(body) - 1) == Assembled({}, complete=False, reason="too_large")
