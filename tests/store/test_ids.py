"""New ids are random, and have the format of OpenAI's."""

import re

from backscroll.store.ids import (
    new_item_id,
    new_item_ids,
    new_message_id,
    new_message_ids,
)

COUNT = 1_000


def test_many_ids_at_once_are_like_as_many_single_ones() -> None:
    single = [new_message_id() for _ in range(COUNT)]
    together = new_message_ids(COUNT)
    assert len({*single, *together}) == 2 * COUNT
    for each in (*single, *together):
        assert re.fullmatch("msg_[0-9A-Za-z]{24}", each)
    assert {digit for each in together for digit in each[4:]} == {
        digit for each in single for digit in each[4:]
    }
    assert new_message_ids(0) == []


def test_each_of_many_items_has_the_prefix_of_its_type() -> None:
    kinds = ["message", "function_call", "function_call_output", "of another kind"]
    for ids in (new_item_ids(kinds), [new_item_id(kind) for kind in kinds]):
        assert [re.sub("[0-9A-Za-z]{24}$", "", each) for each in ids] == [
            *("msg_", "fc_", "fco_", "item_"),
        ]
