"""An id of another kind is told from one that an argument takes."""

import re
from typing import cast

import pytest

from backscroll_tools.arguments import validated
from backscroll_tools.errors import ToolError
from backscroll_tools.id_kinds import reader_of, wrong_kind
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Tool
from backscroll_tools.toolset import RUNS

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
