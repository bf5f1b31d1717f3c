"""Calls of tools and their outputs become messages, whatever kind of item they are."""

import pytest

from backscroll_tools.client.items import is_shown, shown
from backscroll_tools.models import JSON


@pytest.mark.parametrize(
    ("item", "role", "text"),
    [
        ({"type": "custom_tool_call", "name": "f", "input": "a b"}, "assistant", "a b"),
        (
            {"type": "mcp_call", "name": "f", "arguments": "{}", "output": "7", "error": None},
            "assistant",
            "{}\n\nOutput:\n7",
        ),
        (
            {
                "type": "function_call_output",
                "output": [
                    {"type": "input_text", "text": "seen"},
                    {"type": "input_image", "image_url": "https://a.example/1.png"},
                ],
            },
            "tool",
            "seen",
        ),
        (
            {"type": "local_shell_call", "action": {"type": "exec", "command": ["ls", "-l"]}},
            "assistant",
            "ls -l",
        ),
        (
            {"type": "shell_call_output", "output": [{"stdout": "out", "stderr": "err"}]},
            "tool",
            "out\nerr",
        ),
        (
            {
                "type": "apply_patch_call",
                "operation": {"type": "update_file", "path": "a.py", "diff": "+1"},
            },
            "assistant",
            '{"type":"update_file","path":"a.py"}\n+1',
        ),
        (
            {
                "type": "code_interpreter_call",
                "code": "1 + 1",
                "outputs": [{"type": "logs", "logs": "2"}],
            },
            "assistant",
            "1 + 1\n\nOutput:\n2",
        ),
        (
            {"type": "web_search_call", "action": {"type": "search", "query": "q", "sources": []}},
            "assistant",
            "q",
        ),
        (
            {"type": "image_generation_call", "result": "iVBOR", "revised_prompt": "a cat"},
            "assistant",
            "a cat",
        ),
        ({"type": "teleport_call", "arguments": {"to": 1}}, "assistant", '{"to":1}'),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_an_item_is_a_message_with_what_was_asked_and_returned(
    item: JSON, role: str, text: str
) -> None:
    message = shown({"id": "item_1", **item})

    assert is_shown(item)
    assert (message["role"], message["text"], message["type"]) == (role, text, item["type"])


@pytest.mark.parametrize("kind", ["reasoning", "compaction", "mcp_list_tools", "hologram", 7, []])
def test_reasoning_and_other_items_stay_hidden(kind: object) -> None:
    assert not is_shown({"id": "item_1", "type": kind})
