"""Slack exports: a folder or zip with `users.json`, and `<channel>/<date>.json` for each day.

A channel becomes a conversation, and so does each thread in it. As in Slack, replies are only in
their thread, unless they were also sent to the channel. An export can cover any period, so a
message that it lacks was not necessarily deleted.

Sources: Slack's help page on how to read exports, and the reference of message events in its API
(`ts` identifies a message within its channel; `thread_ts` is the `ts` of a thread's first message).
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from backscroll.history.conversation import Record, Unreadable
from backscroll.history.files.sample import Sample
from backscroll.history.formats.slack.texts import Names, author_of, text_of, user_name
from backscroll.history.items.draft import Draft
from backscroll.history.reading.fields import as_text, mapping, sequence, string
from backscroll.history.reading.json_streams import JsonRecord, json_items
from backscroll.history.reading.records import starts_with
from backscroll.history.reading.times import unix_seconds
from backscroll.history.source_file import SourceFile, why

NAME: Final = "slack"
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d\.json")
_USERS: Final = ("users.json", "org_users.json")
_LISTS: Final = ("channels.json", "groups.json", "mpims.json", "dms.json")
"""The files that list public and private channels, group conversations and direct messages."""

_NOTICES: Final = re.compile(
    r"(?:channel|group|mpim|im)_(?:join|leave|topic|purpose|name|archive|unarchive|posting_permissions)"
    r"|bot_(?:add|remove)|pinned_item|unpinned_item|reminder_add|tombstone|sh_room_created"
    r"|channel_convert_to_private|message_replied|reply_broadcast"
)
"""Matches the `subtype` of a message that reports an event or replaces a deleted message."""

_WHOLE_EXPORT: Final = (
    "is one day of a channel in a Slack export; import the whole export, as a zip or folder"
)


def recognises(sample: Sample) -> bool:
    """Return whether a file is one day of a channel, which cannot be read on its own."""
    return (
        sample.kind == "array"
        and bool(sample.records)
        and all(
            record.get("type") == "message" and isinstance(record.get("ts"), str)
            for record in sample.records
        )
    )


def read(file: SourceFile) -> Iterator[Record]:
    """Yield an `Unreadable`, because a file with one day of a channel does not name the channel."""
    yield Unreadable(file.name, _WHOLE_EXPORT)


def recognises_folder(names: Collection[str]) -> bool:
    """Return whether a folder is a Slack export."""
    return any(name in names for name in _USERS) and any(name in names for name in _LISTS)


def read_folder(files: Mapping[str, SourceFile]) -> Iterator[Record]:
    """Yield a conversation for each channel of an export, and then one for each of its threads."""
    problems: list[Unreadable] = []
    names = Names()
    for name in _USERS:
        for user in _objects(files, name, problems):
            names.users[user["id"]] = user_name(user)
    channels: dict[str, Mapping[str, Any]] = {}
    for name in _LISTS:
        for channel in _objects(files, name, problems):
            names.channels[channel["id"]] = string(channel.get("name"))
            channels[channel["id"]] = channel
            channels[string(channel.get("name")) or channel["id"]] = channel
    days: dict[str, list[str]] = defaultdict(list)
    for path in files:
        folder, _, day = path.rpartition("/")
        if folder and _DAY.fullmatch(day):
            days[folder].append(path)
    yield from problems
    for folder in sorted(days):
        channel = channels.get(folder, {"id": folder, "name": folder})
        yield from _channel(files, sorted(days[folder]), channel, names)


def _objects(
    files: Mapping[str, SourceFile], name: str, problems: list[Unreadable]
) -> Iterator[Mapping[str, Any]]:
    """Yield the users or channels that a file lists, except those without an id."""
    if name in files:
        for value in _array(files[name], problems):
            if string(value.get("id")):
                yield value


def _array(file: SourceFile, problems: list[Unreadable]) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a file. Add the values that cannot be read to `problems`."""
    try:
        if not starts_with(file, b"["):
            problems.append(Unreadable(file.name, "is not a JSON array"))
            return
        with file.open() as stream:
            for record in json_items(stream):
                if isinstance(record, JsonRecord):
                    yield record.value
                else:
                    problems.append(Unreadable(f"{file.name}, item {record.number}", record.reason))
    except OSError as error:
        problems.append(Unreadable(file.name, why(error)))


def _channel(
    files: Mapping[str, SourceFile],
    days: Iterable[str],
    channel: Mapping[str, Any],
    names: Names,
) -> Iterator[Record]:
    problems: list[Unreadable] = []
    messages: dict[str, Mapping[str, Any]] = {}
    for day in days:
        for value in _array(files[day], problems):
            _collect(messages, value)
    yield from problems
    main: list[Mapping[str, Any]] = []
    threads: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for _, message in sorted(messages.items(), key=lambda pair: _moment(pair[0])):
        thread = as_text(message.get("thread_ts"))
        if thread:
            threads[thread].append(message)
        is_reply = thread not in {"", as_text(message.get("ts"))}
        if not is_reply or message.get("subtype") == "thread_broadcast":
            main.append(message)
    title = _title(channel, names)
    facts = {"channel": title}
    channel_id = string(channel.get("id"))
    if main or not threads:
        yield _draft(main, names).finish(channel_id, title=title, metadata=facts, is_partial=True)
    for thread, replies in threads.items():
        if len(replies) > 1 or as_text(replies[0].get("ts")) != thread:
            thread_id = f"{channel_id}-{thread}"
            yield _draft(replies, names).finish(
                thread_id, parent=channel_id, metadata=facts, is_partial=True
            )


def _collect(messages: dict[str, Mapping[str, Any]], message: Mapping[str, Any]) -> None:
    """Add a message, or apply an edit or a deletion that the export records as a message."""
    match string(message.get("subtype")):
        case "message_changed":
            message = mapping(message.get("message"))
            if as_text(message.get("ts")) not in messages:
                return
        case "message_deleted":
            messages.pop(as_text(message.get("deleted_ts")), None)
            return
        case subtype if _NOTICES.fullmatch(subtype):
            return
    if message.get("type", "message") == "message" and as_text(message.get("ts")):
        messages[as_text(message["ts"])] = message


def _moment(ts: str) -> tuple[int, str]:
    return (unix_seconds(ts) or 0, ts)


def _title(channel: Mapping[str, Any], names: Names) -> str:
    name = string(channel.get("name"))
    if name:
        return f"#{name}"
    members = (string(member) for member in sequence(channel.get("members")))
    return ", ".join(names.users.get(member, member) for member in members if member)


def _draft(messages: Iterable[Mapping[str, Any]], names: Names) -> Draft:
    draft = Draft(NAME)
    for message in messages:
        ts = as_text(message["ts"])
        text = text_of(message, names)
        if text:
            is_bot = bool(message.get("bot_id")) or message.get("subtype") == "bot_message"
            author = author_of(message, names)
            draft.message(
                "assistant" if is_bot else "user",
                f"{author}: {text}" if author else text,
                ts,
                unix_seconds(ts),
            )
    return draft
