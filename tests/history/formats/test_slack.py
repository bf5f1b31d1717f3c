"""Slack exports: channels, threads, names, edits and deletions over several days."""

import json
from typing import Any, BinaryIO

from hypothesis import given, settings

from backscroll.history.conversation import Record, SourceConversation, Unreadable
from backscroll.history.files.sample import Sample
from backscroll.history.formats.slack import FORMAT
from backscroll.history.source_file import SourceFile
from tests.history.formats.json_values import json_values
from tests.history.formats.sources import conversations, in_archive, keys, said, times

USERS: list[Any] = [
    {"id": "U1", "name": "ada", "profile": {"display_name": "Ada", "real_name": "Ada L."}},
    {"id": "U2", "name": "bob", "real_name": "Bob B.", "profile": {"display_name": ""}},
]
CHANNELS: list[Any] = [
    {"id": "C1", "name": "general", "created": 1700000000, "members": ["U1", "U2"]},
    {"id": "C2", "name": "tea"},
]
DMS: list[Any] = [{"id": "D1", "members": ["U1", "U2"]}]
FIRST_DAY: list[Any] = [
    {"type": "message", "subtype": "channel_join", "user": "U2", "ts": "1700000000.000100",
     "text": "<@U2> has joined the channel"},
    {"type": "message", "user": "U1", "ts": "1700000001.000200", "thread_ts": "1700000001.000200",
     "reply_count": 2,
     "text": "Hi <@U2>, see <https://example.com/a|the plan> in <#C2|tea> &amp; <!here>"},
    {"type": "message", "user": "U2", "ts": "1700000002.000300", "thread_ts": "1700000001.000200",
     "text": "Read it."},
    {"type": "message", "user": "U1", "ts": "1700000003.000400", "text": "Lunch?",
     "edited": {"user": "U1", "ts": "1700000004.000000"}},
]  # fmt: skip
SECOND_DAY: list[Any] = [
    {"type": "message", "subtype": "bot_message", "username": "Deployer", "bot_id": "B1",
     "ts": "1700090000.000100", "text": "", "attachments": [{"title": "Deployed", "text": "v2"}],
     "files": [{"name": "log.txt"}]},
    {"type": "message", "subtype": "thread_broadcast", "user": "U1", "ts": "1700090001.000100",
     "thread_ts": "1700000001.000200", "text": "Decided: <https://example.com/b>"},
    {"type": "message", "user": "U9", "ts": "1700090002.000100", "text": "",
     "user_profile": {"real_name": "Cy"},
     "blocks": [{"type": "rich_text", "elements": [{"type": "rich_text_section",
                 "elements": [{"type": "text", "text": "From a guest"}]}]}]},
]  # fmt: skip


def export(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return the files of an export."""
    return {
        "users.json": USERS,
        "channels.json": CHANNELS,
        "dms.json": DMS,
        "integration_logs.json": [],
        "general/2023-11-15.json": SECOND_DAY,
        "general/2023-11-14.json": FIRST_DAY,
        **changes,
    }


def read(files: dict[str, Any]) -> list[Record]:
    """Read the files of an export."""
    assert FORMAT.read_folder is not None
    content = {
        name: value if isinstance(value, bytes) else json.dumps(value).encode()
        for name, value in files.items()
    }
    return list(
        FORMAT.read_folder({name: in_archive(data, name) for name, data in content.items()})
    )


def test_a_channel_is_read_in_order_with_names_and_without_notices() -> None:
    channel, _ = conversations(read(export()))

    assert (channel.id, channel.title, channel.parent) == ("C1", "#general", "")
    assert channel.is_partial  # an export can be of a period
    assert said(channel) == [
        ("user", "Ada: Hi @Bob B., see the plan (https://example.com/a) in #tea & @here"),
        ("user", "Ada: Lunch?"),
        ("assistant", "Deployer: Deployed\nv2\n[file: log.txt]"),
        ("user", "Ada: Decided: https://example.com/b"),
        ("user", "Cy: From a guest"),
    ]
    assert keys(channel)[:2] == ["1700000001.000200", "1700000003.000400"]
    assert times(channel)[:2] == [1700000001, 1700000003]
    assert (channel.created_at, channel.updated_at) == (1700000001, 1700090002)


def test_a_thread_is_a_conversation_that_belongs_to_its_channel() -> None:
    _, thread = conversations(read(export()))

    assert (thread.id, thread.parent) == ("C1-1700000001.000200", "C1")
    assert thread.metadata == {"channel": "#general"}
    assert thread.is_partial
    assert said(thread) == [
        ("user", "Ada: Hi @Bob B., see the plan (https://example.com/a) in #tea & @here"),
        ("user", "Bob B.: Read it."),
        ("user", "Ada: Decided: https://example.com/b"),
    ]


def test_a_thread_without_its_first_message_is_read() -> None:
    day = [{**FIRST_DAY[2], "ts": "1700000009.000000"}]

    (thread,) = conversations(
        read({**export(), "general/2023-11-14.json": day, "general/2023-11-15.json": []})
    )

    assert said(thread) == [("user", "Bob B.: Read it.")]


def test_a_direct_message_is_titled_with_its_members() -> None:
    files = export()
    del files["general/2023-11-15.json"], files["general/2023-11-14.json"]
    files["D1/2023-11-14.json"] = [FIRST_DAY[3]]

    (direct,) = conversations(read(files))

    assert (direct.id, direct.title, said(direct)) == (
        "D1", "Ada, Bob B.", [("user", "Ada: Lunch?")],
    )  # fmt: skip


def test_edits_and_deletions_that_are_recorded_as_messages_are_applied() -> None:
    day = [
        {"type": "message", "user": "U1", "ts": "1.000001", "text": "Monday"},
        {"type": "message", "user": "U1", "ts": "2.000001", "text": "Wrong window"},
        {"type": "message", "subtype": "message_changed", "ts": "3.000001",
         "message": {"user": "U1", "ts": "1.000001", "text": "Tuesday"}},
        {"type": "message", "subtype": "message_deleted", "deleted_ts": "2.000001", "ts": "4.0"},
        {"type": "message", "subtype": "tombstone", "ts": "5.0", "text": "Deleted."},
    ]  # fmt: skip
    files = {"users.json": USERS, "channels.json": CHANNELS, "tea/2023-11-14.json": day}

    (channel,) = conversations(read(files))

    assert said(channel) == [("user", "Ada: Tuesday")]
    assert keys(channel) == ["1.000001"]


def test_a_day_that_cannot_be_read_is_refused_alone() -> None:
    records = read(export(**{"general/2023-11-15.json": b'[{"type": "mess'}))

    assert records[0] == Unreadable(
        "general/2023-11-15.json, item 1",
        "is cut off, because the file ends in the middle of it: export it again",
    )
    assert [type(record) for record in records[1:]] == [SourceConversation, SourceConversation]


def test_a_day_that_the_archive_does_not_give_is_refused_alone() -> None:
    assert FORMAT.read_folder is not None
    files = {
        name: in_archive(json.dumps(content).encode(), name) for name, content in export().items()
    }
    files["general/2023-11-15.json"] = SourceFile("general/2023-11-15.json", damaged)

    refused, channel, _ = FORMAT.read_folder(files)

    assert refused == Unreadable("general/2023-11-15.json", "cannot be read: is damaged")
    assert isinstance(channel, SourceConversation)


def damaged() -> BinaryIO:
    """Open a file that cannot be read."""
    raise OSError("is damaged")


def test_a_channel_that_no_list_names_is_read_under_its_folder() -> None:
    files = {"users.json": b"{", "channels.json": [], "old/2023-11-14.json": [FIRST_DAY[3]]}

    refused, channel = read(files)

    assert refused == Unreadable("users.json", "is not a JSON array")
    assert said(channel) == [("user", "U1: Lunch?")]
    assert isinstance(channel, SourceConversation)
    assert (channel.id, channel.title) == ("old", "#old")


def test_an_export_is_recognised_as_a_folder_and_one_day_of_it_refused() -> None:
    assert FORMAT.recognises_folder is not None
    assert FORMAT.recognises_folder(["users.json", "channels.json", "general"])
    assert FORMAT.recognises_folder(["org_users.json", "dms.json"])
    assert not FORMAT.recognises_folder(["users.json", "conversations.json"])
    assert FORMAT.recognises(Sample("array", FIRST_DAY[:3]))
    assert not FORMAT.recognises(Sample("array", [{"ts": 1}]))
    assert not FORMAT.recognises(Sample("array"))
    (refused,) = FORMAT.read(in_archive(b"[]", "2023-11-14.json"))
    assert refused == Unreadable(
        "2023-11-14.json",
        "is one day of a channel in a Slack export; import the whole export, as a zip or folder",
    )


@settings(max_examples=settings().max_examples // 4)
@given(json_values(export()))
def test_reading_never_fails(value: object) -> None:
    files = value if isinstance(value, dict) else {"users.json": value, "x/2023-11-14.json": value}

    read({name: content for name, content in files.items() if not isinstance(content, bytes)})
