"""What a tool's id names is chosen once, by the id and the kind of upstream."""

import dataclasses

import pytest
from msgspec.structs import replace

from backscroll_tools.client.groups import CONVERSATIONS
from backscroll_tools.client.profiles import COMPATIBLE, FOUNDRY, OPENAI, STORE, Profile
from backscroll_tools.collection import EditableCollection
from backscroll_tools.collections import CONVERSATION, THREAD, collection_of

FORGETFUL = dataclasses.replace(COMPATIBLE, keeps_metadata=False)


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
        (dataclasses.replace(STORE, serves=frozenset({CONVERSATIONS})), "", CONVERSATION),
    ],
)
def test_an_id_names_a_thread_or_a_conversation_as_the_upstream_has_them(
    profile: Profile, thread_id: str, expected: EditableCollection
) -> None:
    assert collection_of(profile, thread_id) == expected
