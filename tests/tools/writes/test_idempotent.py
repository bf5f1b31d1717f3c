"""Deletions and changes of metadata, sent again until their outcome is known."""

from collections.abc import AsyncIterator

import pytest

from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.tool import Result
from tests.tools.keyless import (
    BASE,
    FAILED,
    GONE,
    LATE,
    LOST,
    REFUSED,
    REFUSED_YET_DONE,
    RETIRED,
    V2,
    WRONG,
    Deed,
    Writer,
    code_of,
    writing,
)

ALL_LOST = (GONE,) * 5


@pytest.fixture(params=["threads", "conversations"])
async def placed(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Writer, str]]:
    """A writer, and a thread or a conversation."""
    async with writing() as writer:
        yield writer, await writer.new(request.param)


async def metadata_of(writer: Writer, thread: str) -> JSON | None:
    """Return the metadata that is really stored; None if there is no such thread."""
    kind = "conversations" if thread.startswith("conv_") else "threads"
    reply = await writer.http.get(f"{BASE}/{kind}/{thread}", headers=V2)
    metadata: JSON | None = reply.json().get("metadata")
    return metadata


@pytest.mark.parametrize("deed", [LOST, FAILED, REFUSED_YET_DONE, REFUSED, GONE])
async def test_a_thread_is_deleted_although_a_reply_was_lost(
    placed: tuple[Writer, str], deed: Deed
) -> None:
    writer, thread = placed
    other = await writer.new("conversations" if thread.startswith("conv_") else "threads")
    writer.keyless.deeds = [deed]

    outcome = await writer.call("delete-thread", thread_id=thread)

    if deed == REFUSED_YET_DONE:  # a refusal means that nothing was done, so nothing was deleted
        assert code_of(outcome) == "not_found"
    else:
        assert isinstance(outcome, Result), outcome
        assert outcome.structured == {"thread_id": thread, "deleted": True}
    assert await metadata_of(writer, thread) is None
    assert await metadata_of(writer, other) == {}


async def test_what_could_not_be_known_is_done_if_it_is_repeated(
    placed: tuple[Writer, str],
) -> None:
    writer, thread = placed
    writer.keyless.deeds = [LATE, *ALL_LOST[1:]]
    first = await writer.call("delete-thread", thread_id=thread)
    await writer.keyless.arrive()
    again = await writer.call("delete-thread", thread_id=thread)
    third = await writer.call("delete-thread", thread_id=thread)

    assert isinstance(first, ToolError)
    assert first.render() == (
        f"outcome_unknown: The upstream's reply was lost: {thread} may have been deleted.\n"
        "Next: Call delete-thread again with the same arguments.\n"
        "Retry: safe with the same arguments: repeating the call has no further effect."
    )
    assert isinstance(again, Result), again
    assert code_of(third) == "not_found"


async def test_a_refusal_without_a_reason_does_not_tell_what_an_unclear_deletion_has_done(
    placed: tuple[Writer, str],
) -> None:
    writer, thread = placed
    writer.keyless.deeds = [LATE, *ALL_LOST[1:]]
    await writer.call("delete-thread", thread_id=thread)
    await writer.keyless.arrive()
    # A 404 whose text was lost on the way is like one for an unknown path.
    writer.keyless.deeds, writer.keyless.lists = [RETIRED], [502] * 5
    again = await writer.call("delete-thread", thread_id=thread)
    third = await writer.call("delete-thread", thread_id=thread)

    assert code_of(again) == "outcome_unknown"
    assert isinstance(third, Result), third


async def test_a_refusal_without_a_reason_is_reported_if_nothing_was_unclear(
    placed: tuple[Writer, str],
) -> None:
    writer, thread = placed
    writer.keyless.deeds = [RETIRED]
    assert code_of(await writer.call("delete-thread", thread_id=thread)) == "upstream_retired"


async def test_a_thread_that_was_never_there_is_not_reported_as_deleted(
    placed: tuple[Writer, str],
) -> None:
    writer, thread = placed
    missing = await writer.call("delete-thread", thread_id=f"{thread}x")
    assert isinstance(missing, ToolError)
    assert missing.code == "not_found"
    assert "If you repeat an unclear deletion, it has been deleted." in missing.render()
    assert await metadata_of(writer, thread) == {}


async def test_a_refused_deletion_deletes_nothing(placed: tuple[Writer, str]) -> None:
    writer, thread = placed
    writer.keyless.deeds = [WRONG]
    assert code_of(await writer.call("delete-thread", thread_id=thread)) == "invalid_arguments"
    assert await metadata_of(writer, thread) == {}


@pytest.mark.parametrize("deed", [LOST, FAILED, REFUSED_YET_DONE, REFUSED, GONE])
async def test_metadata_is_replaced_although_a_reply_was_lost(
    placed: tuple[Writer, str], deed: Deed
) -> None:
    writer, thread = placed
    writer.keyless.deeds = [deed]
    outcome = await writer.call("modify-thread", thread_id=thread, metadata={"title": "a"})
    assert isinstance(outcome, Result), outcome
    assert outcome.structured["thread"]["title"] == "a"
    assert await metadata_of(writer, thread) == {"title": "a"}


async def test_a_change_that_only_a_read_shows_is_done(placed: tuple[Writer, str]) -> None:
    writer, thread = placed
    writer.keyless.deeds = [LOST, *ALL_LOST]
    outcome = await writer.call("modify-thread", thread_id=thread, metadata={"title": "a"})
    assert isinstance(outcome, Result), outcome


async def test_a_change_that_nothing_shows_is_unknown(placed: tuple[Writer, str]) -> None:
    writer, thread = placed
    writer.keyless.deeds = [*ALL_LOST]
    outcome = await writer.call("modify-thread", thread_id=thread, metadata={"title": "a"})
    assert code_of(outcome) == "outcome_unknown"
    again = await writer.call("modify-thread", thread_id=thread, metadata=[])
    assert isinstance(again, Result), again
    assert again.structured == {"thread": {"id": thread, **_created(again)}}


def _created(result: Result) -> JSON:
    return {"created_at": result.structured["thread"]["created_at"]}
