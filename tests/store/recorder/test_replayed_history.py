"""What is recognised of a history that a client sends again, and what is not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll.store.recorder.responses.replayed_history import ReplayedHistory

JSON = dict[str, Any]


def said(role: str, text: str, **more: Any) -> JSON:  # noqa: ANN401 - any other field
    """Return a message as a response has it."""
    kind = "output_text" if role == "assistant" else "input_text"
    content = [{"type": kind, "text": text, "annotations": [], "logprobs": []}]
    return {"type": "message", "role": role, "content": content, "status": "completed", **more}


QUESTION = said("user", "one")
ANSWER = said("assistant", "two", id="msg_1")
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "9"}
REASONING = {"type": "reasoning", "id": "rs_1", "summary": []}
NEXT = {"role": "user", "content": "three"}


@pytest.mark.parametrize(
    "again",
    [
        [QUESTION, ANSWER],
        [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}],
        [QUESTION, REASONING, ANSWER],
        [{**QUESTION, "status": None}, {**ANSWER, "id": "msg_2", "phase": "final_answer"}],
    ],
)
def test_a_history_is_recognised_whatever_a_client_leaves_out(again: list[JSON]) -> None:
    history = ReplayedHistory()
    history.add("", [QUESTION, ANSWER], "resp_1")
    assert history.found("", [*again, NEXT]) == ("resp_1", len(again))


@pytest.mark.parametrize(
    "other",
    [
        [QUESTION, NEXT],
        [QUESTION, said("assistant", "Two"), NEXT],
        [said("developer", "one"), ANSWER, NEXT],
        [ANSWER, QUESTION, NEXT],
        [QUESTION, ANSWER],
        [NEXT, QUESTION, ANSWER, NEXT],
        [],
    ],
)
def test_anything_else_is_not_recognised(other: list[JSON]) -> None:
    history = ReplayedHistory()
    history.add("", [QUESTION, ANSWER], "resp_1")
    assert history.found("", other) == (None, 0)


def test_a_history_belongs_to_its_partition() -> None:
    history = ReplayedHistory()
    history.add("ada", [QUESTION, ANSWER], "resp_1")
    assert history.found("bob", [QUESTION, ANSWER, NEXT]) == (None, 0)


def test_a_call_with_other_arguments_is_not_recognised() -> None:
    history = ReplayedHistory()
    history.add("", [QUESTION, CALL], "resp_1")
    assert history.found("", [QUESTION, {**CALL, "id": "fc_2"}, OUTPUT]) == ("resp_1", 2)
    assert history.found("", [QUESTION, {**CALL, "arguments": '{"a":1}'}, OUTPUT]) == (None, 0)


@pytest.mark.parametrize(
    "again",
    [
        # As Codex sends it if its own provider has another address.
        {"internal_chat_message_metadata_passthrough": {"turn_id": "1"}},
        # As the AI SDK, which opencode uses, writes the arguments again.
        {"arguments": '{"a":1,"b":"é"}'},
        {"arguments": '{ "a": 1, "b": "\\u00e9" }'},
    ],
)
def test_a_call_is_recognised_as_agents_send_it(again: JSON) -> None:
    history = ReplayedHistory()
    call = {**CALL, "arguments": '{"a": 1, "b": "é"}'}
    history.add("", [QUESTION, call], "resp_1")
    assert history.found("", [QUESTION, {**call, **again}, OUTPUT]) == ("resp_1", 2)


@pytest.mark.parametrize("arguments", ["", "{", "[1]", '{"a": 2}', '{"a": "1"}', "[" * 100_000])
def test_other_arguments_are_not_recognised(arguments: str) -> None:
    history = ReplayedHistory()
    history.add("", [QUESTION, {**CALL, "arguments": '{"a": 1}'}], "resp_1")
    other = {**CALL, "arguments": arguments}
    assert history.found("", [QUESTION, other, OUTPUT]) == (None, 0)
    history.add("", [QUESTION, other], "resp_2")
    assert history.found("", [QUESTION, other, OUTPUT]) == ("resp_2", 2)


def test_the_oldest_histories_are_forgotten() -> None:
    history = ReplayedHistory(recent=2)
    for number in range(3):
        history.add("", [said("user", str(number))], f"resp_{number}")
    found = [history.found("", [said("user", str(number)), NEXT])[0] for number in range(3)]
    assert found == [None, "resp_1", "resp_2"]


items = st.lists(st.sampled_from([QUESTION, ANSWER, CALL, OUTPUT, NEXT]), min_size=1, max_size=6)


@given(items, items, items)
def test_only_a_true_beginning_is_left_out(
    one: list[JSON], other: list[JSON], new: list[JSON]
) -> None:
    history = ReplayedHistory()
    history.add("", one, "resp_1")
    history.add("", other, "resp_2")
    found, count = history.found("", new)
    beginnings = {"resp_1": one, "resp_2": other}
    assert new[:count] == (beginnings[found] if found else [])
    assert count < len(new)
