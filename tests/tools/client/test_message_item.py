"""A thread's message as an item of a conversation."""

import pytest

from backscroll_tools.client.message_item import message_item
from backscroll_tools.errors import ToolError


def test_an_attachment_without_an_id_is_refused() -> None:
    # Strict conversion makes a model fill in members that it does not need.
    files = [{"file_id": "file_1", "tools": []}, {"file_id": "", "tools": []}]
    with pytest.raises(ToolError) as refused:
        message_item({"role": "user", "content": "x", "attachments": files})
    assert refused.value.message == "attachments[1].file_id must not be empty."
    assert refused.value.code == "invalid_arguments"
