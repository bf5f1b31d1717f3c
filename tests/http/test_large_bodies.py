"""Large bodies: they are read completely, and parsed without delaying other requests."""

import json
from itertools import cycle
from pathlib import Path

import pytest

from backscroll.http.dispatch import LARGE_BYTES
from backscroll_tools import strict_json
from backscroll_tools.arguments import validated
from tests.http.counting import calls_of
from tests.http.serving import ERAS, call, post, refusal_of, running, settings_of, text_of

CONTENT_CHARS = 90_000


@pytest.mark.parametrize("era", ERAS)
async def test_a_large_message_is_written_as_it_was_sent(era: str, tmp_path: Path) -> None:
    arguments = {"role": "user", "content": "é" * CONTENT_CHARS, "idempotency_key": "k"}
    params = {"name": "create-message", "arguments": arguments}
    async with running(settings_of(tmp_path, http_auth="token", result_chars=200_000)) as server:
        token = await server.token()
        response = await post(server.url, "tools/call", params, era=era, token=token)
        written = response.json()["result"]["structuredContent"]
        read = await call(server.url, "get-message", token, **ids_of(written))

    assert read["structuredContent"]["message"]["text"] == arguments["content"]


def ids_of(written: dict[str, object]) -> dict[str, object]:
    message = written["message"]
    assert isinstance(message, dict)
    return {"thread_id": written["thread_id"], "message_id": message["id"]}


LARGE: dict[str, tuple[dict[str, object], str]] = {
    "of another kind": (
        {"attachments": {"x": [{}] * 100_000}},
        "attachments must be an array, not an object.",
    ),
    "unknown": (
        {f"{number:06}": "x" for number in range(20_000)},
        'create-message has no argument "000000", "000001", "000002".',
    ),
    "too many parts": (
        {"parts": [{"type": "text", "text": "x"}] * 10_000},
        "parts must have at most 1000 entries; it has 10000.",
    ),
}


@pytest.mark.parametrize(("how", "era"), list(zip(LARGE, cycle(ERAS), strict=False)))
async def test_large_arguments_are_never_parsed_or_checked_on_the_event_loop(
    how: str, era: str, tmp_path: Path
) -> None:
    flawed, sentence = LARGE[how]
    arguments = {"role": "user", "content": "x", **flawed}
    params = {"name": "create-message", "arguments": arguments}
    async with running(settings_of(tmp_path)) as server:
        with calls_of(strict_json.loads, json.loads, validated) as (strict, usual, checked):
            response = await post(server.url, "tools/call", params, era=era)

    assert text_of(response.json()["result"]).startswith(f"invalid_arguments: {sentence}\n")
    assert max(strict.sizes + usual.sizes, default=0) < LARGE_BYTES
    assert checked.count == 0


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tools/list", {"x": "x" * LARGE_BYTES}),
        ("tools/call", {"name": "list-threads", "arguments": {}, "x": "x" * LARGE_BYTES}),
        ("tools/call", {"name": "list-threads", "arguments": [], "x": "x" * LARGE_BYTES}),
    ],
    ids=["no call", "beside arguments", "beside no arguments"],
)
async def test_a_message_that_is_large_without_its_arguments_is_refused(
    era: str, method: str, params: dict[str, object], tmp_path: Path
) -> None:
    async with running(settings_of(tmp_path)) as server:
        response = await post(server.url, method, params, era=era)

    sentence = (
        "A message must be smaller than 65536 bytes, not counting the arguments of a tool call."
    )
    assert refusal_of(response) == (413, sentence)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"accept": "text/html"}, (406, "The Accept header must allow application/json.")),
        ({"content-type": "text/plain"}, (415, "The body must be application/json.")),
    ],
)
async def test_types_that_are_not_json_are_refused(
    era: str, fields: dict[str, str], refusal: tuple[int, str], tmp_path: Path
) -> None:
    async with running(settings_of(tmp_path)) as server:
        response = await post(server.url, era=era, more=fields)

    assert refusal_of(response) == refusal
