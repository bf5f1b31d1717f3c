"""An id of another kind is told from one that an argument takes."""

import re
from typing import Final, cast

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import Upstream
from backscroll_tools.errors import ToolError
from backscroll_tools.id_kinds import reader_of, wrong_kind
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Call, Tool
from backscroll_tools.toolset import RUNS
from tests.inventory import EVERYTHING, least_calls

IDS = (
    *("asst_1", "batch_1", "chatcmpl-1", "conv_1", "cthr_1", "file-1", "ftjob-1", "msg_1"),
    *("proj_1", "resp_1", "run_1", "sesn_1", "sess_1", "step_1", "thread_1", "vs_1", "vsfb_1"),
)


@pytest.mark.parametrize(
    ("argument", "value", "said"),
    [
        ("file_id", "vs_1", "file_id is the id of a vector store, not of a file."),
        (
            "vector_store_id",
            "file-1",
            "vector_store_id is the id of a file, not of a vector store.",
        ),
        ("run_id", "msg_1", "run_id is the id of a message, not of a run."),
        ("step_id", "run_1", "step_id is the id of a run, not of a run's step."),
        ("assistant_id", "thread_1", "assistant_id is the id of a thread, not of an assistant."),
        ("file_id", "file_1", ""),
        ("file_id", "assistant-7f", ""),
        ("run_id", "7f", ""),
        ("thread_id", "conv_1", ""),
        (
            "conversation_id",
            "resp_1",
            "conversation_id is the id of a response, not of a conversation.",
        ),
        ("conversation_id", "caresp_1", ""),
        ("run_id", 7, ""),
    ],
)
def test_an_id_of_another_kind_is_named(argument: str, value: object, said: str) -> None:
    assert wrong_kind(argument, value) == said


def properties(tool: Tool) -> JSON:
    return cast("JSON", tool.input_schema["properties"])


def required(tool: Tool) -> list[str]:
    return cast("list[str]", tool.input_schema.get("required", []))


def test_a_tool_that_reads_the_object_is_known_for_each_kind_of_id() -> None:
    for value in IDS:
        reader = next(tool for tool in TOOLS if tool.name == reader_of(value))
        takes = [name for name in required(reader) if name == "id" or name.endswith("_id")]
        assert any(wrong_kind(name, value, reader.toolset) == "" for name in takes), value


def test_tools_for_runs_take_only_threads_and_name_the_tool_that_reads_the_object() -> None:
    ids = {"run_id": "run_1", "step_id": "step_1", "assistant_id": "asst_1"}
    for tool in TOOLS:
        if tool.toolset is not RUNS:
            continue
        given: JSON = {name: ids[name] for name in required(tool) if name in ids}
        given |= {"thread_id": "conv_1"}
        if "metadata" in required(tool):
            given |= {"metadata": {"a": "b"}}
        with pytest.raises(ToolError) as refused:
            validated(tool, given)
        assert (refused.value.message, refused.value.taken_by) == (
            "thread_id is the id of a conversation, not of a thread.",
            "list-messages",
        )


def test_what_is_not_an_id_is_refused_in_words() -> None:
    wrong = (["thread_1", "thread_2"], "thread_1\nthread_2", "é", "*" * 9999)
    for tool in TOOLS:
        for name in properties(tool):
            if re.fullmatch("(parent_)?id|.*_id|after|before|around|cursor", name) is None:
                continue
            for value in wrong:
                with pytest.raises(ToolError) as refused:
                    validated(tool, {name: value})
                assert f"{name} must be" in refused.value.message
                assert "violates" not in refused.value.message


def test_a_deletion_takes_nothing_but_whole_ids() -> None:
    for tool in TOOLS:
        if not tool.name.startswith("delete-"):
            continue
        assert properties(tool).keys() == {*required(tool)}
        assert all(name.endswith("_id") for name in required(tool))
        for value in ("", "~x7Kd2", None):
            with pytest.raises(ToolError, match="invalid_arguments"):
                validated(tool, dict.fromkeys(required(tool), value))


RIGHT: Final = {
    "assistant_id": ("asst_1",),
    "completion_id": ("chatcmpl-1", "resp_1"),
    "conversation_id": ("conv_1",),
    "file_id": ("file-1",),
    "id": ("batch_1",),
    "message_id": ("msg_1", "chatcmpl-1", "resp_1"),
    "response_id": ("resp_1",),
    "run_id": ("run_1",),
    "step_id": ("step_1",),
    "thread_id": ("thread_1", "conv_1", "cthr_1", "sesn_1", "sess_1", "resp_1", "chatcmpl-1"),
    "vector_store_id": ("vs_1",),
}
"""The ids that some tool takes, for each argument for an id; `id` with the kind `batches`."""

UNNAMED: Final = {"create-message"}
"""The tools that name no other one, because no other tool adds messages."""


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
async def test_every_tool_refuses_wrong_ids_before_a_request_and_names_the_tool_that_takes_them(
    tool: Tool,
) -> None:
    sent: list[str] = []

    async def upstream(scope: Scope, _receive: Receive, send: Send) -> None:
        sent.append(scope["path"])
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def called(client: Client, arguments: JSON) -> None:
        await tool.run(Call.begin(client), validated(tool, arguments))

    names = {each.name for each in TOOLS}
    least = next(least_calls(tool.input_schema))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(upstream)) as http:
        client = Client(http, Upstream(EVERYTHING, "http://a.invalid/v1"), chance=lambda: 0.0)
        for argument, taken in RIGHT.items():
            for value in IDS if argument in properties(tool) else ():
                if value in taken:
                    continue
                with pytest.raises(ToolError) as refused:
                    await called(client, {**least, argument: value})
                assert refused.value.code == "invalid_arguments", (argument, value)
                assert refused.value.message.startswith(f"{argument} is the id of a")
                assert (refused.value.taken_by in names) is (tool.name not in UNNAMED)
    assert sent == []
