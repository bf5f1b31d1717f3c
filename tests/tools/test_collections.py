"""What a tool's id names is chosen once, by the id and the kind of upstream."""

from dataclasses import replace

import pytest

from backscroll_tools.client.groups import CONVERSATIONS
from backscroll_tools.client.profiles import COMPATIBLE, FOUNDRY, OPENAI, STORE, Profile
from backscroll_tools.client.replies import Reply
from backscroll_tools.collections import (
    COMPLETION,
    CONVERSATION,
    THREAD,
    Collection,
    WritableCollection,
    collection_of,
)

FORGETFUL = replace(COMPATIBLE, keeps_metadata=False)
ITEMS = ({"id": "msg_2"}, {"id": "rs_1"})


@pytest.mark.parametrize(
    ("profile", "thread_id", "expected"),
    [
        (STORE, "thread_1", THREAD),
        (STORE, "conv_1", CONVERSATION),
        (STORE, "7f", THREAD),
        (STORE, "", THREAD),
        (OPENAI, "thread_1", replace(THREAD, list_files=None)),
        (OPENAI, "conv_1", CONVERSATION),
        (OPENAI, "7f", CONVERSATION),
        (OPENAI, "", CONVERSATION),
        (FOUNDRY, "thread_1", replace(THREAD, list_files=None)),
        (FORGETFUL, "thread_1", replace(THREAD, list_files=None, has_metadata=False)),
        (replace(STORE, serves=frozenset({CONVERSATIONS})), "", CONVERSATION),
    ],
)
def test_an_id_names_a_thread_or_a_conversation_as_the_upstream_has_them(
    profile: Profile, thread_id: str, expected: WritableCollection
) -> None:
    assert collection_of(profile, thread_id) == expected


@pytest.mark.parametrize(
    ("collection", "reply", "expected"),
    [
        (THREAD, Reply(ITEMS, has_more=True, last_id="msg_9"), "rs_1"),
        (CONVERSATION, Reply(ITEMS, has_more=True, last_id="msg_9"), "msg_9"),
        (CONVERSATION, Reply(ITEMS, has_more=True), "rs_1"),
        (COMPLETION, Reply((), has_more=True), "msg_1"),
        (CONVERSATION, Reply((), has_more=True), "msg_1"),
    ],
)
def test_a_list_goes_on_after_its_last_object_or_the_id_that_its_envelope_names(
    collection: Collection, reply: Reply, expected: str
) -> None:
    assert collection.next_after(reply, "msg_1") == expected
