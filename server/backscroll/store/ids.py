"""Creates and checks ids in the format of OpenAI's ids."""

import re
import secrets
import string
from collections.abc import Sequence
from typing import Final

from backscroll.store.api_errors import invalid_value

_BASE62: Final = string.digits + string.ascii_letters
_DIGITS: Final = (5 * _BASE62).encode()[:256]
_UNEVEN: Final = bytes(range(4 * 62, 256))
_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=-]{0,255}")

_ITEM_PREFIXES: Final = {
    "message": "msg_",
    "reasoning": "rs_",
    "compaction": "cmp_",
    "function_call": "fc_",
    "function_call_output": "fco_",
    "custom_tool_call": "ctc_",
    "custom_tool_call_output": "ctco_",
    "tool_search_call": "tsc_",
    "tool_search_output": "tso_",
    "web_search_call": "ws_",
    "file_search_call": "fs_",
    "code_interpreter_call": "ci_",
    "image_generation_call": "ig_",
    "computer_call": "cu_",
    "computer_call_output": "cuo_",
    "local_shell_call": "lsh_",
    "local_shell_call_output": "lsho_",
    "shell_call": "sh_",
    "shell_call_output": "sho_",
    "apply_patch_call": "apc_",
    "apply_patch_call_output": "apco_",
    "mcp_call": "mcp_",
    "mcp_list_tools": "mcpl_",
    "mcp_approval_request": "mcpr_",
    "mcp_approval_response": "mcpa_",
    "program": "prog_",
    "program_output": "prog_out_",
}
"""The id prefix of each type of item, as seen in OpenAI's replies."""


def new_thread_id() -> str:
    """Return `thread_` and 24 random base62 characters (143 bits)."""
    return "thread_" + _random(24)


def new_message_id() -> str:
    """Return `msg_` and 24 random base62 characters (143 bits)."""
    return "msg_" + _random(24)


def new_message_ids(count: int) -> list[str]:
    """Return ids like those of `new_message_id`. Many at once take a fraction of the time."""
    return ["msg_" + digits for digits in _several(count, 24)]


def new_token_id() -> str:
    """Return `tok_` and 24 random base62 characters: the id of a bearer token."""
    return "tok_" + _random(24)


def new_conversation_id() -> str:
    """Return `conv_` and 24 random base62 characters (143 bits)."""
    return "conv_" + _random(24)


def new_item_id(kind: str) -> str:
    """Return the id of a new item: OpenAI's prefix for its type, and 24 random base62 characters.

    An item of an unknown type gets the prefix `item_`. OpenAI's Responses API refuses an item whose
    id has the prefix of another type (`Expected an ID that begins with 'fc'`). For a call's output,
    a server may expect the output's prefix, such as `fco`, or the call's prefix, such as `fc`. An
    output's id meets both expectations, because its prefix begins with the letters of the call's
    prefix. The only exception is `tso_`, because the prefix of its call is `tsc_`.
    """
    return new_item_ids([kind])[0]


def new_item_ids(kinds: Sequence[str]) -> list[str]:
    """Return the ids of new items, of which `kinds` are the types, as in `new_item_id`."""
    random = _several(len(kinds), 24)
    return [
        _ITEM_PREFIXES.get(kind, "item_") + digits
        for kind, digits in zip(kinds, random, strict=True)
    ]


def new_completion_id() -> str:
    """Return `chatcmpl-` and 29 random base62 characters (173 bits)."""
    return "chatcmpl-" + _random(29)


def new_response_id() -> str:
    """Return `resp_` and 24 random base62 characters (143 bits)."""
    return "resp_" + _random(24)


def new_assistant_id() -> str:
    """Return `asst_` and 24 random base62 characters (143 bits)."""
    return "asst_" + _random(24)


def is_id(value: str) -> bool:
    """Return whether `value` is a well-formed id: 1-256 letters, digits and `_ . = -`.

    The first character must be a letter, a digit or `_`.
    """
    return _ID.fullmatch(value) is not None


def require_thread_id(value: str) -> str:
    """Return `value`, or raise OpenAI's 400 for a malformed thread id."""
    return _require(value, "thread_id", "thread")


def require_conversation_id(value: str) -> str:
    """Return `value`, or raise the 400 for a malformed conversation id."""
    return _require(value, "conversation_id", "conv")


def require_assistant_id(value: str) -> str:
    """Return `value`, or raise the 400 for a malformed assistant id."""
    return _require(value, "assistant_id", "asst")


def _require(value: str, param: str, prefix: str) -> str:
    if not value.startswith(prefix) or not is_id(value):
        message = f"Invalid '{param}': '{value}'. Expected an ID that begins with '{prefix}'."
        raise invalid_value(param, message)
    return value


def _random(length: int) -> str:
    return _several(1, length)[0]


def _several(count: int, length: int) -> list[str]:
    """Return `count` strings of `length` random digits."""
    # Bytes from 248 to 255 are dropped, so that each of the 62 digits is equally likely. Twice as
    # many bytes as needed are drawn; the probability that too few remain is below 10^-30.
    wanted = count * length
    digits = secrets.token_bytes(2 * wanted).translate(_DIGITS, _UNEVEN).decode()
    return [digits[at : at + length] for at in range(0, wanted, length)]
