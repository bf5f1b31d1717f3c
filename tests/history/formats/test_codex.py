"""Session logs of Codex, which tell most things twice."""

from typing import Any

import pytest

from backscroll.history.conversation import SourceConversation, SourceItem, Unreadable
from backscroll.history.files.sample import Sample
from backscroll.history.formats.codex import FORMAT
from backscroll.history.formats.codex.reading import read as read_log

from . import session_logs
from .session_logs import OTHER_SESSION, SESSION, lines, log, one, refused
from .sources import keys, said

AT = 1_784_278_800
"""2026-07-17T09:00:00Z"""


def line(kind: str, second: int = 0, **payload: object) -> dict[str, Any]:
    """Return a line of a log."""
    return {"timestamp": f"2026-07-17T09:00:{second:02}.500Z", "type": kind, "payload": payload}


def meta(identifier: str = SESSION, **other: object) -> dict[str, Any]:
    """Return the line that begins a log."""
    found = line("session_meta", id=identifier, cwd="/home/ada/tea", cli_version="0.147.0")
    found["payload"] |= other
    return found


def item(kind: str, second: int = 0, **payload: object) -> dict[str, Any]:
    """Return a line with an item of the model's API."""
    return line("response_item", second, type=kind, **payload)


def event(kind: str, second: int = 0, **payload: object) -> dict[str, Any]:
    """Return a line with an event."""
    return line("event_msg", second, type=kind, **payload)


def message(role: str, *texts: str, second: int = 0) -> dict[str, Any]:
    """Return a line with a message."""
    kind = "output_text" if role == "assistant" else "input_text"
    content = [{"type": kind, "text": text} for text in texts]
    return item("message", second, role=role, content=content)


def turn(turn_id: str | None = None, model: str = "gpt-test") -> dict[str, Any]:
    """Return the line that begins a turn."""
    if turn_id:
        return line("turn_context", model=model, turn_id=turn_id)
    return line("turn_context", model=model)


def asked(text: str) -> list[dict[str, Any]]:
    """Return a prompt as both an item and an event."""
    return [message("user", text), event("user_message", message=text)]


def answered(text: str) -> list[dict[str, Any]]:
    """Return an answer as both an event and an item."""
    return [event("agent_message", message=text), message("assistant", text)]


def test_a_log_becomes_one_conversation_with_items_of_all_kinds() -> None:
    found = one(
        FORMAT,
        [
            meta(git={"branch": "main"}),
            message("developer", "Be brief"),
            message("user", "<environment_context>\n<cwd>/</cwd>\n</environment_context>"),
            turn("t1"),
            message("user", "Which tea\nis this?", second=1),
            event("user_message", 1, message="Which tea\nis this?", images=[]),
            event("agent_reasoning", 2, text="**Smoke**"),
            item(
                "reasoning",
                2,
                summary=[{"type": "summary_text", "text": "**Smoke**"}],
                encrypted_content="gAAAA",
            ),
            item("function_call", 3, name="shell", call_id="c1", arguments='{"command":["ls"]}'),
            item(
                "function_call_output",
                4,
                call_id="c1",
                output='{"output":"tin\\n","metadata":{"exit_code":0}}',
            ),
            item("custom_tool_call", 5, call_id="c2", name="apply_patch", input="*** Begin"),
            item("custom_tool_call_output", 6, call_id="c2", output="Done"),
            item("web_search_call", 7, action={"type": "search", "query": "smoked tea"}),
            event("token_count", 8, info=None),
            event("agent_message", 9, message="Lapsang."),
            message("assistant", "Lapsang.", second=9),
        ],
    )
    shown = [(entry.item, entry.created_at) for entry in found.items]
    assert shown == [
        ({"type": "message", "role": "user", "content": "Which tea\nis this?"}, AT + 1),
        (
            {
                "type": "reasoning",
                "summary": [],
                "content": [{"type": "reasoning_text", "text": "**Smoke**"}],
            },
            AT + 2,
        ),
        (
            {
                "type": "function_call",
                "call_id": "c1",
                "name": "shell",
                "arguments": '{"command":["ls"]}',
            },
            AT + 3,
        ),
        ({"type": "function_call_output", "call_id": "c1", "output": "tin\n"}, AT + 4),
        (
            {
                "type": "custom_tool_call",
                "call_id": "c2",
                "name": "apply_patch",
                "input": "*** Begin",
            },
            AT + 5,
        ),
        ({"type": "custom_tool_call_output", "call_id": "c2", "output": "Done"}, AT + 6),
        ({"type": "web_search_call", "action": {"type": "search", "query": "smoked tea"}}, AT + 7),
        ({"type": "message", "role": "assistant", "content": "Lapsang."}, AT + 9),
    ]
    assert (
        SourceConversation(
            source="codex",
            id=SESSION,
            items=found.items,
            title="Which tea",
            created_at=AT,
            updated_at=AT + 9,
            project="/home/ada/tea",
            model="gpt-test",
            metadata={"git_branch": "main", "version": "0.147.0"},
            has_shared_keys=True,
        )
        == found
    )


@pytest.mark.parametrize(
    "twice",
    [
        [message("user", "Tea?"), event("user_message", message="Tea?")],
        [event("user_message", message="Tea?"), message("user", "Tea?")],
        [message("user", "Tea?"), turn(), event("user_message", message="Tea?")],
        [message("user", "Tea?")],
        [event("user_message", message="Tea?")],
        [
            message("user", "Tea?"),
            event(
                "item_completed",
                turn_id="t1",
                item={"type": "UserMessage", "content": [{"type": "text", "text": "Tea?"}]},
            ),
        ],
        [
            event(
                "item_completed",
                item={"type": "UserMessage", "content": [{"type": "text", "text": "Tea?"}]},
            )
        ],
    ],
)
def test_what_is_told_on_several_channels_is_kept_once(twice: list[dict[str, Any]]) -> None:
    found = one(FORMAT, [meta(), turn(), *twice, *answered("Which?")])
    assert said(found) == [("user", "Tea?"), ("assistant", "Which?")]


def test_real_repeats_are_kept() -> None:
    log_lines = [meta()]
    for _ in range(3):
        log_lines += [turn(), *asked("Again"), *answered("Done"), *answered("Done")]
    once = [("user", "Again"), ("assistant", "Done"), ("assistant", "Done")]
    found = one(FORMAT, log_lines)
    assert said(found) == once * 3
    assert len(set(keys(found))) == 9
    items_alone = [row for row in log_lines if row["type"] != "event_msg"]
    assert one(FORMAT, items_alone) == found


def test_commands_within_a_script_are_calls_of_their_own() -> None:
    command = {"type": "CommandExecution", "command": ["ls"], "aggregated_output": "tin"}
    found = one(
        FORMAT,
        [
            meta(),
            *asked("Look"),
            item("function_call", name="shell", call_id="c1", arguments="{}"),
            event("item_completed", item=command | {"id": "c1"}),
            item("function_call_output", call_id="c1", output="tin"),
            event("item_completed", item=command | {"id": "exec-2"}),
        ],
    )
    assert said(found) == [
        ("user", "Look"),
        ("call", "c1", "shell", "{}"),
        ("output", "c1", "tin"),
        ("call", "exec-2", "exec_command", '{"command":["ls"]}'),
        ("output", "exec-2", "tin"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "# AGENTS.md instructions for /w\n\n<INSTRUCTIONS>\nBe brief\n</INSTRUCTIONS>",
        "<environment_context>\n<cwd>/w</cwd>\n</environment_context>",
        "<user_instructions>\nBe brief\n</user_instructions>",
        "<turn_aborted>\nThe user stopped\n</turn_aborted>",
        "# Context from my IDE setup:\n\n## Open tabs:\n- tea.py\n",
    ],
)
def test_what_the_program_wrote_in_the_users_place_is_left_out(text: str) -> None:
    found = one(FORMAT, [meta(), message("user", text), *asked("Tea?")])
    assert (said(found), found.title) == ([("user", "Tea?")], "Tea?")
    together = one(FORMAT, [meta(), message("user", text, "Tea?")])
    assert said(together) == [("user", "Tea?")]


def test_only_the_request_after_the_editors_context_is_kept() -> None:
    tabs = "# Context from my IDE setup:\n\n## Open tabs:\n- tea.py\n\n"
    text = f"{tabs}## My request for Codex:\nTea?\n"
    assert said(one(FORMAT, [meta(), *asked(text)])) == [("user", "Tea?")]


def test_images_are_replaced_by_their_type_and_size() -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64," + "iVBO" * 256}
    marks = [{"type": "input_text", "text": mark} for mark in ("<image>", "</image>")]
    content = [{"type": "input_text", "text": "What?"}, marks[0], image, marks[1]]
    log_lines = [
        meta(),
        item("message", role="user", content=content),
        event("user_message", message="What?", images=[]),
        item("function_call_output", call_id="c1", output=[image]),
    ]
    assert said(one(FORMAT, log_lines)) == [
        ("user", "What?\n[image/png, 768 bytes]"),
        ("output", "c1", "[image/png, 768 bytes]"),
    ]


def test_the_history_of_a_compaction_is_no_part_of_the_conversation() -> None:
    history = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Old"}]}
    ]
    compacted = line("compacted", message="In short", replacement_history=history)
    found = one(FORMAT, [meta(), *asked("Tea?"), compacted, *asked("Green")])
    assert said(found) == [("user", "Tea?"), ("user", "Green")]
    rewritten = one(FORMAT, [meta(), compacted, compacted, *asked("Green")])
    assert said(rewritten) == [("user", "Old"), ("user", "Green")]


def rolled_back(turns: int) -> dict[str, Any]:
    """Return the line that takes turns back."""
    return event("thread_rolled_back", num_turns=turns)


def test_turns_that_were_taken_back_are_left_out() -> None:
    first = [meta(), *asked("Tea?"), *answered("Which?")]
    back = [*asked("Black"), *answered("Assam"), *asked("Green"), *answered("Sencha")]
    then = [*asked("Black"), *answered("Yes")]
    found = one(FORMAT, [*first, *back, rolled_back(2), *then])
    assert found.items == one(FORMAT, [*first, *then]).items
    twice = [*first, *back, rolled_back(1), *asked("White"), rolled_back(2), *then]
    assert one(FORMAT, twice).items == found.items
    all_of_it = one(FORMAT, [*first, *back, rolled_back(99), *then])
    assert said(all_of_it) == [("user", "Black"), ("assistant", "Yes")]
    (streamed,) = read_log(log(twice), in_memory=0)
    assert isinstance(streamed, SourceConversation)
    assert not isinstance(streamed.items, tuple)
    assert tuple(streamed.items) == tuple(streamed.items) == found.items


def test_a_fork_has_the_keys_of_the_turns_that_it_repeats() -> None:
    turns = [turn("t1"), *asked("Tea?"), *answered("Which?"), turn("t2"), *asked("Tea?")]
    parent = one(FORMAT, [meta(), *turns])
    later = [row | {"timestamp": "2026-07-18T10:00:00Z"} for row in turns]
    fork = one(
        FORMAT,
        [meta(OTHER_SESSION, forked_from_id=SESSION), meta(), *later, turn("t3"), *asked("Tea?")],
    )
    assert (fork.id, fork.parent) == (OTHER_SESSION, SESSION)
    assert keys(fork)[:-1] == keys(parent)
    assert len(set(keys(fork))) == 4


def test_a_sub_agent_names_the_thread_that_started_it() -> None:
    spawn = {"parent_thread_id": SESSION, "agent_nickname": "Ada", "depth": 1}
    source = {"subagent": {"thread_spawn": spawn}}
    found = one(FORMAT, [meta(OTHER_SESSION, source=source, forked_from_id="x"), *asked("Find it")])
    assert (found.id, found.parent, found.metadata["agent"]) == (OTHER_SESSION, SESSION, "Ada")


def test_the_first_versions_without_payloads_are_read() -> None:
    content = [{"type": "input_text", "text": "Tea?"}]
    found = one(
        FORMAT,
        [
            {"id": SESSION, "timestamp": "2026-07-17T09:00:00Z", "instructions": None, "git": {}},
            {"record_type": "state"},
            {"type": "message", "role": "user", "content": content},
            {"type": "function_call", "name": "shell", "arguments": "{}", "call_id": "c1"},
            {"role": "assistant", "content": [{"type": "output_text", "text": "Which?"}]},
        ],
    )
    assert said(found) == [("user", "Tea?"), ("call", "c1", "shell", "{}"), ("assistant", "Which?")]
    assert (found.id, found.created_at) == (SESSION, AT)
    assert [entry.created_at for entry in found.items] == [None] * 3


def test_a_session_id_or_the_file_name_stands_in_for_a_missing_id() -> None:
    old = line("session_meta", session_id=OTHER_SESSION)
    assert one(FORMAT, [old, *asked("Tea?")]).id == OTHER_SESSION
    name = f"rollout-2026-07-17T09-00-00-{SESSION}.jsonl.zst"
    (found,) = session_logs.read(FORMAT, log(asked("Tea?"), name))
    assert isinstance(found, SourceConversation)
    assert found.id == SESSION


def test_the_name_of_a_thread_is_its_title() -> None:
    named = event("thread_name_updated", thread_name="About tea")
    assert one(FORMAT, [meta(), *asked("Tea?"), named]).title == "About tea"


def test_a_torn_last_line_is_left_for_the_next_time() -> None:
    content = lines([meta(), *asked("Tea?")])
    torn = content + lines(answered("Which?"))[:-9]
    assert said(one(FORMAT, torn)) == [("user", "Tea?"), ("assistant", "Which?")]
    assert (
        one(FORMAT, content + lines(answered("Which?")[1:])[:-9]).items
        == one(FORMAT, content).items
    )


def test_a_line_that_cannot_be_read_is_named_and_the_others_are_kept() -> None:
    records = session_logs.read(FORMAT, log(b'{"torn\n' + lines([meta(), *asked("Tea?")])))
    assert refused(records) == [Unreadable("line 1", "is not a JSON object, and was left out")]
    assert said(records[-1]) == [("user", "Tea?")]


def test_a_log_without_messages_is_no_conversation() -> None:
    assert session_logs.read(FORMAT, log([meta(), turn()])) == []


def test_a_key_is_the_same_in_every_process() -> None:
    found = one(FORMAT, [meta(), turn("t1"), *asked("Tea?"), turn(), *asked("Tea?")])
    assert found.items[0] == SourceItem(
        key="t1-user-40060ddcc45cdffabd7e61b5",
        item={"type": "message", "role": "user", "content": "Tea?"},
        created_at=AT,
    )
    assert keys(found)[1] == "user-40060ddcc45cdffabd7e61b5"


@pytest.mark.parametrize(
    ("record", "is_one"),
    [
        (meta(), True),
        (message("user", "Tea?"), True),
        ({"id": SESSION, "timestamp": "2025-05-01T00:00:00Z", "instructions": "x"}, True),
        ({"type": "user", "sessionId": SESSION, "message": {}}, False),
        ({"messages": []}, False),
    ],
)
def test_a_log_is_recognised_by_its_lines(record: dict[str, Any], is_one: bool) -> None:
    assert FORMAT.recognises(Sample("lines", [record])) is is_one
    assert not FORMAT.recognises(Sample("object", [record]))
    assert not FORMAT.recognises(Sample("lines", []))
