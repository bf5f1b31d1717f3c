"""What a host is sent costs a model no more than was promised."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final, get_args

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as searched
from hypothesis import strategies as st
from mcp import Client
from mcp.types import CallToolResult, TextContent

from backscroll.mcp.server import build
from backscroll.settings.model import Settings
from backscroll.store.app import open_store
from backscroll.store.archive.records import ImportedMessage, ImportedThread
from backscroll_tools.tool import Output
from tests.clients import nodejs
from tests.faults.figures import sized
from tests.inventory import NAMES
from tests.pace import limit_s
from tests.product import processes
from tests.tools import transcript

LISTED_TOKENS: Final = 3_400
READ_TOKENS: Final = 1_475
"""What models are shown of the tools: names, descriptions and input schemas."""

LISTED_AS_TEXT_TOKENS: Final = 1_500
"""The whole list with the setting that `connect` writes for hosts whose models see only text."""

CREATED_CHARS: Final = 256_000
"""The longest text that the API takes; longer ones come by import."""

PIECES: Final = 30
"""About how many pages a text here takes."""

_number = count()


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def test_the_list_of_the_tools_keeps_its_budget_of_tokens(tmp_path: Path) -> None:
    result, as_text = (listed(tmp_path, output) for output in ("both", "text"))
    read = [
        {name: tool[name] for name in ("name", "description", "inputSchema")}
        for tool in result["tools"]
    ]

    whole, text, shown = nodejs.count_tokens([compact(result), compact(as_text), compact(read)])

    assert [tool["name"] for tool in result["tools"]] == NAMES
    assert [tool["name"] for tool in as_text["tools"]] == NAMES
    assert whole <= LISTED_TOKENS
    assert text <= LISTED_AS_TEXT_TOKENS
    assert shown <= READ_TOKENS


def listed(tmp_path: Path, output: Output) -> dict[str, Any]:
    """Return the whole result of `tools/list` from a server over stdio."""
    environ = processes.variables(f"sqlite:///{tmp_path / 'store.db'}")
    finished = subprocess.run(
        processes.SERVER,
        input=processes.LIST_TOOLS,
        capture_output=True,
        check=True,
        env=os.environ | environ | {"BACKSCROLL_OUTPUT": output},
        timeout=limit_s(50),
    )
    result: dict[str, Any] = json.loads(finished.stdout)["result"]
    return result


@dataclass(frozen=True)
class Text:
    """A text of some length, told in few characters where an example fails."""

    piece: str
    chars: int

    @property
    def text(self) -> str:
        return (self.piece * (self.chars // len(self.piece) + 1))[: self.chars]


@dataclass(frozen=True)
class Example:
    """Messages of a thread, and the settings and the limit that they are read with."""

    texts: tuple[Text, ...]
    result_chars: int
    output: Output
    limit: int


ANY_TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1),
    st.text(st.characters(max_codepoint=0x9F, exclude_characters="\x00"), min_size=1),
    st.sampled_from(['"', "\\", "\n", "\x01", "\x7f", "\U0001f642", "\u2028", "AB user msg_1\n"]),
)


@st.composite
def examples(draw: st.DrawFn) -> Example:
    result_chars = draw(st.one_of(st.just(2_000), st.just(32_000), st.integers(2_000, 200_000)))
    longest = min(400_000, result_chars * PIECES // 12)  # a control character is six in JSON
    lengths = st.one_of(
        st.integers(0, 40), st.integers(0, longest), st.sampled_from([0, 1, longest])
    )
    texts = draw(st.lists(st.builds(Text, ANY_TEXT, lengths), max_size=8))
    output: Output = draw(st.sampled_from(get_args(Output)))
    return Example(tuple(texts), result_chars, output, draw(st.integers(1, 500)))


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.mark.timeout(limit_s(120))
@given(examples())
@example(Example((Text("\x01", 260_000),), 100_000, "both", 20))
@example(Example((Text("a", 0), Text("b", 1)), 2_000, "both", 2))
@searched(
    max_examples=sized(quick=6, long=200),
    # The examples share a database; each has a thread of its own there.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_no_result_on_the_wire_is_longer_than_its_bound_and_nothing_is_lost(
    database: str, example: Example
) -> None:
    settings = Settings(database=database, result_chars=example.result_chars, output=example.output)
    thread_id = f"thread_{next(_number)}"
    created = [text for text in example.texts if text.text.strip() and text.chars <= CREATED_CHARS]
    imported = [text for text in example.texts if text not in created]
    async with open_store(database) as store:
        messages = [
            ImportedMessage(role="user", content=text.text, created_at=0) for text in imported
        ]
        await store.import_thread(
            ImportedThread(key=thread_id, id=thread_id, created_at=0, messages=messages)
        )
    async with Client(build(settings)) as client:
        for text in created:
            message = {"thread_id": thread_id, "role": "user", "content": text.text}
            result = await client.call_tool("create-message", message)
            assert not result.is_error, result.content
        listing = {"thread_id": thread_id, "limit": example.limit, "order": "asc"}
        listed = await walked(client, "list-messages", listing, example)
        assert list(listed.values()) == [text.text for text in (*imported, *created)]
        for message_id in listed:
            one = {"thread_id": thread_id, "message_id": message_id}
            read_alone = await walked(client, "get-message", one, example)
            assert list(read_alone.values()) == [listed[message_id]]


async def walked(
    client: Client, tool: str, arguments: Mapping[str, Any], example: Example
) -> dict[str, str]:
    """Return the texts that a walk shows, by the messages' ids."""
    texts: dict[str, str] = {}
    for _ in range(PIECES * 20):
        result = await client.call_tool(tool, dict(arguments))
        assert not result.is_error, result.content
        assert size(result) <= example.result_chars
        shown, cursor = read(result, example.output)
        for message_id, text in shown:
            texts[message_id] = texts.get(message_id, "") + text
        if cursor is None:
            return texts
        arguments = {**arguments, "cursor": cursor}
    pytest.fail("the walk does not end")


def size(result: CallToolResult) -> int:
    """Return the characters of both blocks: the text, and the structured content as JSON."""
    [content] = result.content
    assert isinstance(content, TextContent)
    structured = result.structured_content
    return len(content.text) + (0 if structured is None else len(compact(structured)))


def read(result: CallToolResult, output: Output) -> tuple[list[tuple[str, str]], str | None]:
    """Return the ids and texts of a page, and its cursor, from the blocks that were sent."""
    [content] = result.content
    assert isinstance(content, TextContent)
    found: list[tuple[list[tuple[str, str]], str | None]] = []
    structured = result.structured_content
    assert (structured is None) is (output == "text")
    if structured is not None:
        messages = structured["messages"] if "messages" in structured else [structured["message"]]
        shown = [(message["id"], message["text"]) for message in messages]
        found.append((shown, structured["page"]["next_cursor"]))
    if output != "structured":
        items, cursor = transcript.read(content.text)
        wholes = [whole for whole, _ in found[0][0]] if found else [item.id for item in items]
        ids = [
            whole if item.id[0] == "~" and whole.endswith(item.id[1:]) else item.id
            for item, whole in zip(items, wholes, strict=True)
        ]
        found.append(([(each, item.text) for each, item in zip(ids, items, strict=True)], cursor))
    assert found[0] == found[-1]
    return found[0]
