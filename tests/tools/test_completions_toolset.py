"""The tools of the toolset `completions`, on the embedded store."""

from collections.abc import AsyncIterator

import pytest

from backscroll.store.archive.records import ImportedCompletion
from backscroll_tools.tool import Bounds, Result
from tests.tools.opened import Opened, opened

COMPLETION = "chatcmpl-1"
ANSWER = "word " * 100


@pytest.fixture
async def store() -> AsyncIterator[Opened]:
    async with opened() as opening:
        for key in (COMPLETION, "chatcmpl-2"):
            message = {"role": "assistant", "content": ANSWER}
            choice = {"index": 0, "finish_reason": "length", "message": message}
            await opening.store.import_completion(
                ImportedCompletion(
                    key=key,
                    id=key,
                    created_at=1_700_000_000,
                    model="m-1",
                    metadata={"topic": "a"},
                    choices=[choice],
                    messages=[{"role": "user", "content": "hello"}],
                    fields={"usage": {"total_tokens": 7}, "seed": None},
                )
            )
        yield opening


async def test_a_completion_is_read_with_its_settings_but_without_its_messages(
    store: Opened,
) -> None:
    read = await store.result("get-chat-completion", completion_id=COMPLETION)
    assert read.structured == {
        "completion": {
            "id": COMPLETION,
            "created_at": 1_700_000_000,
            "model": "m-1",
            "text": ANSWER[:160],
            "clipped": {"shown": 160, "total": 500},
            "metadata": {"topic": "a"},
            "other": {"usage": {"total_tokens": 7}, "finish_reasons": ["length"]},
        }
    }


async def test_a_completion_that_is_too_long_for_a_result_says_what_is_missing(
    store: Opened,
) -> None:
    pairs = {f"key{number}": "x" * 512 for number in range(16)}
    await store.result("modify-chat-completion", completion_id=COMPLETION, metadata=pairs)
    read = await store.call(
        "get-chat-completion", Bounds(result_chars=2_000), completion_id=COMPLETION
    )
    assert isinstance(read, Result)
    assert len(read.text) < 2_000
    assert read.structured["completion"]["omitted"].startswith("metadata (8,")
    assert read.structured["completion"]["other"]["usage"] == {"total_tokens": 7}


async def test_metadata_is_replaced_and_the_list_finds_it(store: Opened) -> None:
    wanted = {"topic": "b"}
    changed = await store.result(
        "modify-chat-completion", completion_id=COMPLETION, metadata=wanted
    )
    found = await store.result("list-chat-completions", metadata=wanted)
    assert changed.structured["completion"]["metadata"] == wanted
    assert [each["id"] for each in found.structured["completions"]] == [COMPLETION]


async def test_only_the_completion_that_is_named_is_deleted(store: Opened) -> None:
    deleted = await store.result("delete-chat-completion", completion_id=COMPLETION)
    left = await store.result("list-chat-completions")
    assert deleted.structured == {"completion_id": COMPLETION, "deleted": True}
    assert [each["id"] for each in left.structured["completions"]] == ["chatcmpl-2"]
    again = await store.error("delete-chat-completion", completion_id=COMPLETION)
    assert again.code == "not_found"


@pytest.mark.parametrize("verb", ["get", "modify", "delete"])
async def test_an_id_of_a_thread_names_the_tool_that_takes_it(store: Opened, verb: str) -> None:
    more: dict[str, object] = {"metadata": {}} if verb == "modify" else {}
    error = await store.error(f"{verb}-chat-completion", completion_id="thread_1", **more)
    assert error.message == "completion_id is the id of a thread."
    assert f"Next: {verb}-thread takes this id." in error.render()
    assert "Next: Pass the id of a chat completion." in error.render(())
