"""An id of another kind is told from one that an argument takes."""

import pytest

from backscroll_tools.id_kinds import wrong_kind


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
