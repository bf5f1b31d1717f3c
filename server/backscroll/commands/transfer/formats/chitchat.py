"""Reads the Chit-Chat Challenge's conversations, from PyPI's `chitchat-dataset` 0.9.0.

The file is one JSON object: `{uuid: {"messages": [[{"text", "timestamp", "sender"}, …], …],
"prompt", …}}`. Each utterance becomes one message. The first speaker is the user; all others are
the assistant.
"""

import importlib.util
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from backscroll.commands.transfer.formats.entries import ImportEntry, ImportFile, Refused
from backscroll.commands.transfer.formats.reasons import reason
from backscroll.commands.transfer.formats.times import unix_seconds
from backscroll.process.exits import CommandError
from backscroll.settings.installation import how_to_add
from backscroll.store.archive.records import ImportedMessage, ImportedThread

NAME: Final = "chitchat"
_PROMPT_CHARS: Final = 512
"""The maximum length of a metadata value, in characters (OpenAI API, create thread)."""


class _Utterance(BaseModel):
    model_config = ConfigDict(strict=True)

    text: str
    timestamp: str
    sender: str


class _Conversation(BaseModel):
    model_config = ConfigDict(strict=True)

    messages: list[list[_Utterance]]
    start: str
    prompt: str | None = None


def installed() -> Path:
    """Return the path of the dataset in the installed package. The package is not imported.

    Raises:
        CommandError: the package is not installed.
    """
    spec = importlib.util.find_spec("chitchat_dataset")
    if spec is None or spec.origin is None:
        raise CommandError(
            f"the chitchat conversations are not installed. To install them: {how_to_add('demo')}"
        )
    return Path(spec.origin).with_name("dataset.json")


def conversations(path: Path) -> dict[str, Any]:
    """Return the conversations of a file by UUID, as they are in the file.

    Raises:
        CommandError: the file cannot be read, or is not a JSON object.
    """
    try:
        with path.open("rb") as file:
            return _parsed(file, str(path))
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None


def read(path: Path) -> ImportFile:
    """Return the conversations of a dataset file as threads. Each entry has the size 1.

    Raises:
        CommandError: the file cannot be read, or is not a JSON object.
    """
    found = conversations(path)
    return ImportFile(str(path), _entries(found), len(found))


def read_stream(stream: IO[bytes], name: str) -> ImportFile:
    """Return the conversations of a dataset in a stream as threads. Each entry has the size 1.

    Raises:
        CommandError: the stream does not contain a JSON object.
    """
    found = _parsed(stream, name)
    return ImportFile(name, _entries(found), len(found))


def _parsed(stream: IO[bytes], name: str) -> dict[str, Any]:
    try:
        found = json.loads(stream.read())
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise CommandError(f"{name} is not a chitchat dataset: it is not a JSON object")
    return found


def _entries(found: Mapping[str, Any]) -> Iterator[ImportEntry]:
    for uuid, conversation in found.items():
        try:
            item: ImportedThread | Refused = thread(uuid, conversation)
        except ValidationError as error:
            item = Refused(reason(error))
        except ValueError:
            item = Refused("a timestamp is not in ISO 8601 format")
        yield ImportEntry(f"conversation {uuid}", item, 1)


def thread(uuid: str, conversation: object) -> ImportedThread:
    """Return a conversation as a thread, with its utterances in the order of the file.

    Raises:
        ValueError: the conversation is not in the dataset's format.
    """
    parsed = _Conversation.model_validate(conversation)
    utterances = [utterance for turn in parsed.messages for utterance in turn]
    metadata = {"source": NAME, "conversation": uuid}
    if parsed.prompt and len(parsed.prompt) <= _PROMPT_CHARS:
        metadata["prompt"] = parsed.prompt
    messages = [
        ImportedMessage(
            role="user" if utterance.sender == utterances[0].sender else "assistant",
            content=utterance.text,
            created_at=unix_seconds(utterance.timestamp),
        )
        for utterance in utterances
    ]
    return ImportedThread(
        key=f"{NAME}:{uuid}",
        created_at=messages[0].created_at if messages else unix_seconds(parsed.start),
        messages=messages,
        metadata=metadata,
    )
