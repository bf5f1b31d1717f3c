"""Whatever an upstream puts into a message has its place, and fails no call."""

import pytest

from backscroll_tools.models import JSON
from tests.upstreams import shapes
from tests.upstreams.covering import shows
from tests.upstreams.peculiar import Behaviour
from tests.upstreams.world import THREAD, world

TYPICAL: JSON = {
    "id": "msg_44",
    "role": "user",
    "created_at": 1_700_000_044,
    "text": "text 44",
}
TIMELESS: JSON = {name: value for name, value in TYPICAL.items() if name != "created_at"}

READ_AS: dict[Behaviour, JSON] = {
    shapes.FLOAT_TIME: TYPICAL,
    shapes.MILLISECONDS: TYPICAL,
    shapes.NO_TIME: TIMELESS,
    shapes.TIME_TEXT: {**TIMELESS, "other": {"created_at": "yesterday"}},
    shapes.NO_STATUS: TYPICAL,
    shapes.UNKNOWN_ROLE: {**TYPICAL, "role": "critic"},
    shapes.NO_ROLE: {**TYPICAL, "role": "unknown", "other": {"role": {"name": "User"}}},
    shapes.UNKNOWN_PART: {**TYPICAL, "text": "seen", "content": shapes.UNKNOWN_PARTS[1:]},
    shapes.PLAIN_TEXT: {**TYPICAL, "text": "plain"},
    shapes.ALL_NULL: {"id": "msg_44", "role": "unknown", "text": ""},
    shapes.NULL_STATUS: TYPICAL,
    shapes.OBJECT_RUNS: TYPICAL,
    shapes.UNKNOWN_FIELD: {**TYPICAL, "other": {"x_extra": {"kept": 1e300}}},
    shapes.FILE_IDS: {**TYPICAL, "files": ["file_1", "file_2"]},
}


@shows(*READ_AS)
@pytest.mark.parametrize("behaviour", READ_AS, ids=str)
async def test_a_message_is_read_whatever_is_odd_about_it(behaviour: Behaviour) -> None:
    async with world(behaviour.answer) as upstream:
        page = await upstream.call("list-messages", thread_id=THREAD, limit=1)

    assert page["messages"] == [READ_AS[behaviour]]
    assert "warning" not in page["page"]
