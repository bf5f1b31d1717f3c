"""Session logs of Claude Code, whose lines form a tree."""

from typing import Any

import pytest

from backscroll.history.conversation import SourceConversation, SourceItem, Unreadable
from backscroll.history.files.sample import Sample
from backscroll.history.formats.claude_code import FORMAT
from backscroll.history.formats.claude_code.reading import read as read_log

from . import session_logs
from .session_logs import OTHER_SESSION, SESSION, lines, log, one, refused
from .sources import keys, said

AT = 1_767_323_045
"""2026-01-02T03:04:05Z"""


def line(
    uuid: str, parent: str | None, kind: str, content: object, **other: object
) -> dict[str, Any]:
    """Return a line of a log; `second` is its time, and `message` is merged into its message."""
    second = other.pop("second", 5)
    message = {"role": kind, "content": content}
    if isinstance(more := other.pop("message", None), dict):
        message |= more
    return {
        "parentUuid": parent,
        "isSidechain": False,
        "type": kind,
        "message": message,
        "uuid": uuid,
        "timestamp": f"2026-01-02T03:04:{second:02}.250Z",
        "sessionId": SESSION,
        "cwd": "/home/ada/tea",
        "gitBranch": "main",
        "version": "2.1.0",
    } | other


def user(uuid: str, parent: str | None, content: object, **other: object) -> dict[str, Any]:
    """Return a line of the user."""
    return line(uuid, parent, "user", content, **other)


def answer(
    uuid: str, parent: str, message_id: str, *blocks: object, **other: object
) -> dict[str, Any]:
    """Return a line of the assistant."""
    message = {"id": message_id, "model": "claude-test-1"}
    return line(uuid, parent, "assistant", list(blocks), message=message, **other)


def text(text: str) -> dict[str, Any]:
    """Return a block of text."""
    return {"type": "text", "text": text}


def call(call_id: str, name: str = "Read", **arguments: object) -> dict[str, Any]:
    """Return a block that calls a tool."""
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def output(call_id: str, content: object = "ok") -> dict[str, Any]:
    """Return a block with a tool's output."""
    return {"type": "tool_result", "tool_use_id": call_id, "content": content}


def test_a_log_becomes_one_conversation_with_items_of_all_kinds() -> None:
    found = one(
        FORMAT,
        [
            {"type": "mode", "mode": "default", "sessionId": SESSION},
            {"type": "file-history-snapshot", "messageId": "u1", "snapshot": {}},
            user("u1", None, "Which tea is this?\nIt smells of smoke.", second=5),
            answer("a1", "u1", "msg_1", {"type": "thinking", "thinking": "Smoke?"}, second=6),
            answer("a2", "a1", "msg_1", text("I will look."), second=7),
            answer("a3", "a2", "msg_1", call("t1", path="/tin"), second=8),
            user("u2", "a3", [output("t1", [text("Lapsang"), text("2026")])], second=9),
            answer("a4", "u2", "msg_2", text("Lapsang."), second=10, gitBranch="brew"),
        ],
    )
    assert found == SourceConversation(
        source="claude-code",
        id=SESSION,
        items=(
            SourceItem(
                key="u1-0",
                item={
                    "type": "message",
                    "role": "user",
                    "content": "Which tea is this?\nIt smells of smoke.",
                },
                created_at=AT,
            ),
            SourceItem(
                key="a1-0",
                item={
                    "type": "reasoning",
                    "summary": [],
                    "content": [{"type": "reasoning_text", "text": "Smoke?"}],
                },
                created_at=AT + 1,
            ),
            SourceItem(
                key="a2-0",
                item={"type": "message", "role": "assistant", "content": "I will look."},
                created_at=AT + 2,
            ),
            SourceItem(
                key="a3-0",
                item={
                    "type": "function_call",
                    "call_id": "t1",
                    "name": "Read",
                    "arguments": '{"path":"/tin"}',
                },
                created_at=AT + 3,
            ),
            SourceItem(
                key="u2-0",
                item={
                    "type": "function_call_output",
                    "call_id": "t1",
                    "output": "Lapsang\n2026",
                },
                created_at=AT + 4,
            ),
            SourceItem(
                key="a4-0",
                item={"type": "message", "role": "assistant", "content": "Lapsang."},
                created_at=AT + 5,
            ),
        ),
        title="Which tea is this?",
        created_at=AT,
        updated_at=AT + 5,
        project="/home/ada/tea",
        model="claude-test-1",
        metadata={"git_branch": "brew", "version": "2.1.0"},
        has_shared_keys=True,
    )


def test_a_title_that_the_user_gave_wins_over_those_of_the_program() -> None:
    prompt = user("u1", None, "Which tea?")
    summary = {"type": "summary", "summary": "Tea, in short", "leafUuid": "u1"}
    ai_title = {"type": "ai-title", "aiTitle": "A tea", "sessionId": SESSION}
    custom = {"type": "custom-title", "customTitle": "My tea", "sessionId": SESSION}
    assert one(FORMAT, [prompt, summary]).title == "Tea, in short"
    assert one(FORMAT, [prompt, ai_title, summary]).title == "A tea"
    assert one(FORMAT, [custom, prompt, ai_title, summary]).title == "My tea"


def test_the_same_block_in_several_lines_of_a_message_is_kept_once() -> None:
    found = one(
        FORMAT,
        [
            user("u1", None, "Tea?"),
            answer("a1", "u1", "msg_1", text("Oo")),
            answer("a2", "a1", "msg_1", text("Oolong"), call("t1")),
            answer("a3", "a2", "msg_1", text("Oolong"), call("t1", path="/tin")),
            user("u2", "a3", [output("t1")]),
            answer("a4", "u2", "msg_1", call("t1", path="/tin"), call("t2")),
        ],
    )
    assert said(found) == [
        ("user", "Tea?"),
        ("assistant", "Oolong"),
        ("call", "t1", "Read", '{"path":"/tin"}'),
        ("output", "t1", "ok"),
        ("call", "t2", "Read", "{}"),
    ]
    assert keys(found) == ["u1-0", "a1-0", "a2-1", "u2-0", "a4-1"]


def test_two_alike_messages_in_one_millisecond_are_both_kept() -> None:
    found = one(
        FORMAT,
        [
            user("u1", None, "Again"),
            user("u2", "u1", "Again"),
            answer("a1", "u2", "msg_1", text("Yes")),
            answer("a2", "a1", "msg_2", text("Yes")),
        ],
    )
    assert said(found) == [("user", "Again")] * 2 + [("assistant", "Yes")] * 2


@pytest.mark.parametrize(
    "content",
    [
        "<command-name>/compact</command-name>",
        "<command-message>init</command-message>",
        "<local-command-stdout>done</local-command-stdout>",
        "<local-command-caveat>Do not answer</local-command-caveat>",
        "<task-notification>finished</task-notification>",
        "<system-reminder>Be brief</system-reminder>",
        [{"type": "text", "text": "<ide_opened_file>/tea.py</ide_opened_file>"}],
        "[Request interrupted by user for tool use]",
    ],
)
def test_what_the_program_wrote_in_the_users_place_is_left_out(content: object) -> None:
    found = one(FORMAT, [user("u0", None, content), user("u1", "u0", "Tea?")])
    assert (said(found), found.title) == ([("user", "Tea?")], "Tea?")


def test_hidden_lines_are_left_out() -> None:
    log_lines = [
        user("u0", None, "Caveat", isMeta=True),
        user("u1", "u0", "Tea?"),
        user("u2", "u1", "Skill", isMeta=True),
    ]
    assert said(one(FORMAT, log_lines)) == [("user", "Tea?")]


def test_a_prompt_after_an_inserted_note_is_kept() -> None:
    note = "<ide_opened_file>/tea.py is open</ide_opened_file>\n"
    reminder = "<system-reminder>\nBe brief\n</system-reminder>"
    found = one(FORMAT, [user("u1", None, f"{note}Which tea?{reminder}")])
    assert (said(found), found.title) == ([("user", "Which tea?")], "Which tea?")


def test_a_prompt_that_was_queued_is_placed_by_its_time() -> None:
    queued = {
        "type": "attachment",
        "timestamp": "2026-01-02T03:04:07.000Z",
        "attachment": {
            "type": "queued_command",
            "prompt": "Green, please",
            "commandMode": "prompt",
        },
    }
    notice = queued | {
        "attachment": {"type": "queued_command", "prompt": "x", "commandMode": "task"}
    }
    found = one(
        FORMAT,
        [
            user("u1", None, "Tea?", second=5),
            answer("a1", "u1", "msg_1", text("One moment"), second=6),
            answer("a2", "a1", "msg_2", text("Here"), second=8),
            queued,
            notice,
            {"type": "queue-operation", "operation": "enqueue", "content": "Green, please"},
        ],
    )
    assert said(found) == [
        ("user", "Tea?"),
        ("assistant", "One moment"),
        ("user", "Green, please"),
        ("assistant", "Here"),
    ]


def test_a_queued_prompt_with_a_place_in_the_tree_keeps_it() -> None:
    attachment = {"type": "queued_command", "prompt": [text("Green"), text("please")]}
    queued = line("q1", "a1", "attachment", "", attachment=attachment)
    del queued["message"]
    found = one(
        FORMAT,
        [
            user("u1", None, "Tea?"),
            answer("a1", "u1", "msg_1", text("One moment")),
            queued,
            answer("a2", "q1", "msg_2", text("Here")),
        ],
    )
    assert said(found)[2:] == [("user", "Green\nplease"), ("assistant", "Here")]


REWOUND = [
    user("u1", None, "Tea?"),
    answer("a1", "u1", "msg_1", text("Which?")),
    user("u2", "a1", "Black"),
    answer("a2", "u2", "msg_2", text("Assam")),
    line("s1", "a1", "system", "", subtype="informational"),
    user("u3", "s1", "Green"),
    answer("a3", "u3", "msg_3", text("Sencha")),
]


def test_only_the_branch_that_the_user_went_on_with_is_read() -> None:
    expected = [
        ("user", "Tea?"),
        ("assistant", "Which?"),
        ("user", "Green"),
        ("assistant", "Sencha"),
    ]
    assert said(one(FORMAT, REWOUND)) == expected


def test_an_abandoned_branch_has_the_items_that_the_current_one_lacks() -> None:
    assert FORMAT.read_branches is not None
    current, abandoned = FORMAT.read_branches(log(REWOUND))
    assert isinstance(abandoned, SourceConversation)
    assert current == one(FORMAT, REWOUND)
    assert said(abandoned) == [("user", "Black"), ("assistant", "Assam")]
    assert (abandoned.id, abandoned.parent, abandoned.branch) == (f"{SESSION}/u2-0", SESSION, 1)


def test_the_number_of_abandoned_branches_is_limited() -> None:
    assert FORMAT.read_branches is not None
    attempts = [user(f"u{number}", None, f"Attempt {number}") for number in range(150)]
    current, *abandoned, refusal = FORMAT.read_branches(log(attempts))
    assert said(current) == [("user", "Attempt 149")]
    assert [said(each) for each in abandoned] == [
        [("user", f"Attempt {number}")] for number in range(148, 48, -1)
    ]
    reason = "and all further branches were left out, because there are too many"
    assert refusal == Unreadable("branch 101", reason)


def test_the_branch_that_the_program_showed_last_is_followed() -> None:
    def shown(leaf: str) -> object:
        return {"type": "last-prompt", "lastPrompt": "x", "leafUuid": leaf, "sessionId": SESSION}

    assert said(one(FORMAT, [*REWOUND, shown("u2")]))[2:] == [
        ("user", "Black"),
        ("assistant", "Assam"),
    ]
    unchanged = said(one(FORMAT, REWOUND))
    for leaf in ("a3", "a1", "unknown"):
        assert said(one(FORMAT, [*REWOUND, shown(leaf)])) == unchanged
    then = user("u4", "a3", "Thanks")
    assert said(one(FORMAT, [*REWOUND, shown("u2"), then])) == [*unchanged, ("user", "Thanks")]


def test_tools_that_ran_in_parallel_are_no_branches() -> None:
    log_lines = [
        user("u1", None, "Compare"),
        answer("a1", "u1", "msg_1", call("t1")),
        answer("a2", "a1", "msg_1", call("t2")),
        user("r1", "a1", [output("t1", "one")]),
        user("r2", "a2", [output("t2", "two")]),
        answer("a3", "r2", "msg_2", text("Alike")),
    ]
    assert said(one(FORMAT, log_lines)) == [
        ("user", "Compare"),
        ("call", "t1", "Read", "{}"),
        ("call", "t2", "Read", "{}"),
        ("output", "t1", "one"),
        ("output", "t2", "two"),
        ("assistant", "Alike"),
    ]
    assert FORMAT.read_branches is not None
    assert len(list(FORMAT.read_branches(log(log_lines)))) == 1


def test_turns_before_a_compaction_are_kept_and_its_summary_is_not() -> None:
    boundary = line("b1", None, "system", "", subtype="compact_boundary", logicalParentUuid="a1")
    summary = user("c1", "b1", "This session continues …", isCompactSummary=True)
    log_lines = [
        user("u1", None, "Tea?"),
        answer("a1", "u1", "msg_1", text("Which?")),
        boundary,
        summary,
        user("u2", "c1", "Green"),
    ]
    expected = [("user", "Tea?"), ("assistant", "Which?"), ("user", "Green")]
    assert said(one(FORMAT, log_lines)) == expected
    older = [*log_lines[:2], summary | {"parentUuid": None}, log_lines[-1]]
    assert said(one(FORMAT, older)) == expected


def test_a_line_whose_parent_is_missing_or_later_follows_the_line_before_it() -> None:
    log_lines = [
        user("u1", None, "Tea?"),
        answer("a1", "lost", "msg_1", text("Which?")),
        user("u2", "u3", "Green"),
        user("u3", "u2", "Please"),
        user("u4", "u4", "Now"),
    ]
    assert [what for _, what in said(one(FORMAT, log_lines))] == [
        *("Tea?", "Which?", "Green", "Please", "Now")
    ]


def test_lines_without_ids_are_read_in_their_order() -> None:
    log_lines = [
        {"type": kind, "sessionId": SESSION, "message": {"content": what}}
        for kind, what in [("user", "Tea?"), ("assistant", "Which?"), ("user", "Green")]
    ]
    found = one(FORMAT, log_lines)
    assert said(found) == [("user", "Tea?"), ("assistant", "Which?"), ("user", "Green")]
    assert keys(found) == ["line-1-0", "line-2-0", "line-3-0"]


def test_a_line_that_was_written_several_times_is_read_once() -> None:
    log_lines = [user("u1", None, "Tea?")] * 4 + [user("u2", "u1", "Green")]
    assert said(one(FORMAT, log_lines)) == [("user", "Tea?"), ("user", "Green")]


def agent(row: dict[str, Any], agent_id: str | None) -> dict[str, Any]:
    """Return a line as a sub-agent's; older versions give no id."""
    return row | {"isSidechain": True} | ({"agentId": agent_id} if agent_id else {})


def test_a_sub_agent_has_a_conversation_of_its_own() -> None:
    content = lines(
        [
            agent(user("u1", None, "Find the tin"), "a1b2c3d"),
            agent(answer("a1", "u1", "msg_1", text("In the kitchen")), "a1b2c3d"),
        ]
    )
    (found,) = session_logs.read(FORMAT, log(content, "agent-a1b2c3d.jsonl"))
    assert isinstance(found, SourceConversation)
    assert said(found) == [("user", "Find the tin"), ("assistant", "In the kitchen")]
    assert (found.id, found.parent, found.title) == (f"{SESSION}/a1b2c3d", SESSION, "Find the tin")
    assert found.metadata["agent"] == "a1b2c3d"


def test_sub_agents_within_the_log_of_their_session_are_told_apart() -> None:
    records = session_logs.read(
        FORMAT,
        log(
            [
                user("u1", None, "Tea?"),
                agent(user("s1", None, "Find the tin"), None),
                agent(user("s2", None, "Find the pot"), None),
                agent(answer("s3", "s1", "msg_1", text("Kitchen")), None),
                agent(answer("s4", "s2", "msg_2", text("Cellar")), None),
                answer("a1", "u1", "msg_3", text("Found")),
            ]
        ),
    )
    assert [
        (record.id, said(record)) for record in records if not isinstance(record, Unreadable)
    ] == [
        (SESSION, [("user", "Tea?"), ("assistant", "Found")]),
        (f"{SESSION}/s1", [("user", "Find the tin"), ("assistant", "Kitchen")]),
        (f"{SESSION}/s2", [("user", "Find the pot"), ("assistant", "Cellar")]),
    ]


def test_a_fork_has_the_keys_of_the_session_that_it_copied() -> None:
    first = one(FORMAT, REWOUND)
    copied = [row | {"sessionId": OTHER_SESSION} for row in REWOUND]
    copied.append(user("u9", "a3", "Thanks", sessionId=OTHER_SESSION))
    copied[0]["forkedFrom"] = {"sessionId": SESSION, "messageUuid": "u1"}
    (fork,) = session_logs.read(FORMAT, log(copied, f"{OTHER_SESSION}.jsonl"))
    assert isinstance(fork, SourceConversation)
    assert (fork.id, fork.parent) == (OTHER_SESSION, SESSION)
    assert keys(fork) == [*keys(first), "u9-0"]


def test_a_torn_last_line_is_left_for_the_next_time() -> None:
    content = lines(REWOUND)
    torn = content + lines([user("u4", "a3", "Thanks")])[:-20]
    assert one(FORMAT, torn) == one(FORMAT, content)
    without_end = content + lines([user("u4", "a3", "Thanks")])[:-1]
    assert said(one(FORMAT, without_end))[-1] == ("user", "Thanks")


def test_a_line_that_cannot_be_read_is_named_and_the_others_are_kept() -> None:
    content = b"".join([b'{"torn\n', b"\0" * 9 + b"\n", b"\n", lines(REWOUND[:1]), b"[1]\n"])
    records = session_logs.read(FORMAT, log(content))
    assert refused(records) == [
        Unreadable("line 1", "is not a JSON object, and was left out"),
        Unreadable("line 5", "is not a JSON object, and was left out"),
    ]
    assert said(records[-1]) == [("user", "Tea?")]


def test_a_log_without_messages_is_no_conversation() -> None:
    assert (
        session_logs.read(FORMAT, log([{"type": "summary", "summary": "x", "leafUuid": "y"}])) == []
    )


def test_characters_that_cannot_be_stored_are_replaced_and_counted() -> None:
    row = user("u1", None, "a\0b\ud800c 😀")
    found = one(FORMAT, [row])
    assert (said(found), found.replaced) == ([("user", "a�b�c 😀")], 2)
    invalid = lines([user("u1", None, "aXb")]).replace(b"aXb", b"a\xffb")
    assert said(one(FORMAT, invalid)) == [("user", "a�b")]


def test_images_are_replaced_by_their_type_and_size() -> None:
    data = "iVBORw0KGgo" + "A" * 1013
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    found = one(
        FORMAT,
        [
            user("u1", None, [image, text("What is it?")]),
            answer("a1", "u1", "msg_1", call("t1")),
            user("u2", "a1", [output("t1", [image, text("seen")])]),
        ],
    )
    assert said(found) == [
        ("user", "[image/png, 768 bytes]"),
        ("user", "What is it?"),
        ("call", "t1", "Read", "{}"),
        ("output", "t1", "[image/png, 768 bytes]\nseen"),
    ]


def test_an_output_of_over_a_mebibyte_is_cut() -> None:
    long = "wort " * 300_000
    found = one(FORMAT, [user("u1", None, [output("t1", long)])])
    ((_, _, shown),) = said(found)
    assert shown == long[: 1 << 20] + " […] [This text was cut. It had 1,500,000 characters.]"


def test_the_items_of_a_log_that_is_too_long_for_memory_are_read_as_they_are_used() -> None:
    (streamed,) = read_log(log(REWOUND), in_memory=100)
    assert isinstance(streamed, SourceConversation)
    whole = one(FORMAT, REWOUND).items
    assert not isinstance(streamed.items, tuple)
    assert tuple(streamed.items) == tuple(streamed.items) == whole
    assert (len(streamed.items), streamed.items[1], streamed.items[-1]) == (4, whole[1], whole[3])
    assert tuple(streamed.items[1:3]) == whole[1:3]
    with pytest.raises(IndexError):
        streamed.items[4]


@pytest.mark.parametrize(
    ("record", "is_one"),
    [
        (user("u1", None, "Tea?"), True),
        ({"type": "summary", "summary": "Tea", "leafUuid": "u1"}, True),
        ({"type": "user", "message": {"role": "user"}, "sessionId": SESSION}, True),
        ({"type": "session_meta", "payload": {}}, False),
        ({"messages": []}, False),
    ],
)
def test_a_log_is_recognised_by_its_lines(record: dict[str, Any], is_one: bool) -> None:
    bookkeeping = {"type": "file-history-snapshot", "snapshot": {}}
    assert FORMAT.recognises(Sample("lines", [bookkeeping, record])) is is_one
    assert not FORMAT.recognises(Sample("object", [record]))
