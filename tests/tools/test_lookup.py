"""A list is continued after its last object, or after the key that its envelope names."""

import pytest

from backscroll_tools.client.replies import Reply
from backscroll_tools.lookup import last_of

ITEMS = ({"id": "msg_2"}, {"id": "rs_1"})


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(ITEMS, has_more=True, next_after="msg_9"), "msg_9"),
        (Reply(ITEMS, has_more=True), "rs_1"),
        (Reply((), has_more=True), "msg_1"),
    ],
)
def test_a_list_goes_on_after_its_last_object_or_the_key_that_its_envelope_names(
    reply: Reply, expected: str
) -> None:
    assert last_of(reply, "msg_1") == expected
