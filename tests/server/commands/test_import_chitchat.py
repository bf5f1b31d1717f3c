"""The chitchat dataset: every utterance becomes a message, and none is changed."""

import json
from pathlib import Path

import pytest

from backscroll.commands.transfer.formats import chitchat
from backscroll.commands.transfer.formats.entries import Refused
from backscroll.commands.transfer.recognising import Recogniser
from backscroll.commands.transfer.recorded import Recorded
from backscroll.process.exits import CommandError
from backscroll.settings.installation import how_to_add
from backscroll.store.archive.records import ImportedMessage, ImportedThread
from tests.server.command_line import backscroll

UUID = "a07edb12-6b91-4138-b11e-02421888d699"
ANN, BOB, CID = "720840be", "549cc1d1", "8286bed4"


def utterance(text: str, sender: str, timestamp: str = "2018-05-02T19:38:15Z") -> dict[str, str]:
    return {"text": text, "timestamp": timestamp, "sender": sender}


CONVERSATION = {
    "messages": [
        [utterance("Hello", ANN), utterance("", ANN, "2018-05-02T19:38:20Z")],
        [utterance("hi\n\u202e", BOB, "2018-05-02T19:38:29Z")],
        [utterance("hey both", CID, "2018-05-02T19:38:30")],
    ],
    "ratings": {"witty": 10},
    "start": "2018-05-03T01:38:01Z",
    "prompt": "What is new?",
}


def test_a_conversation_becomes_a_thread_with_a_message_for_each_utterance() -> None:
    assert chitchat.thread(UUID, CONVERSATION) == ImportedThread(
        key=f"chitchat:{UUID}",
        created_at=1_525_289_895,
        messages=[
            ImportedMessage(role="user", content="Hello", created_at=1_525_289_895),
            ImportedMessage(role="user", content="", created_at=1_525_289_900),
            ImportedMessage(role="assistant", content="hi\n\u202e", created_at=1_525_289_909),
            ImportedMessage(role="assistant", content="hey both", created_at=1_525_289_910),
        ],
        metadata={"source": "chitchat", "conversation": UUID, "prompt": "What is new?"},
    )


@pytest.mark.parametrize("prompt", ["x" * 513, "", None])
def test_a_prompt_that_metadata_cannot_hold_is_left_out(prompt: str | None) -> None:
    thread = chitchat.thread(UUID, {**CONVERSATION, "prompt": prompt})

    assert thread.metadata == {"source": "chitchat", "conversation": UUID}


def test_a_conversation_without_a_word_is_as_old_as_its_start() -> None:
    thread = chitchat.thread(UUID, {"messages": [], "start": "2018-05-02T19:38:15Z"})

    assert (thread.created_at, thread.messages) == (1_525_289_895, [])


def test_bad_conversations_are_refused_by_name_and_good_ones_kept(tmp_path: Path) -> None:
    file = tmp_path / "dataset.json"
    speechless = {**CONVERSATION, "messages": [[{"sender": ANN, "timestamp": "x"}]]}
    timeless = {**CONVERSATION, "messages": [[utterance("secret", ANN, "yesterday")]]}
    file.write_text(json.dumps({"one": speechless, "two": timeless, UUID: CONVERSATION}))

    found = list(chitchat.read(file).entries)

    assert [(entry.position, entry.item) for entry in found] == [
        ("conversation one", Refused("messages[0][0].text is missing")),
        ("conversation two", Refused("a timestamp is not in ISO 8601 format")),
        (f"conversation {UUID}", chitchat.thread(UUID, CONVERSATION)),
    ]


def test_a_dataset_is_known_by_how_it_begins(tmp_path: Path) -> None:
    dataset, lines = tmp_path / "a.json", tmp_path / "b.json"
    dataset.write_text(json.dumps({UUID: CONVERSATION}, indent=1))
    lines.write_text('{"messages": []}\n')

    def places(path: Path, kind: str = "auto") -> list[str]:
        recogniser = Recogniser(Recorded(), print, kind)
        with path.open("rb") as stdin:
            at_path, streamed = (
                [entry.position for file in recogniser.found(name, stdin) for entry in file.entries]
                for name in (str(path), "-")
            )
        assert at_path == streamed
        return at_path

    assert places(dataset) == [f"conversation {UUID}"]
    assert places(lines) == ["line 1"]
    assert places(dataset, "jsonl") == ["the document"]
    assert places(lines, "chitchat") == ["conversation messages"]


def test_what_is_no_dataset_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("[]")

    with pytest.raises(CommandError, match="is not a chitchat dataset: it is not a JSON object"):
        chitchat.read(file)


def test_the_installed_dataset_is_imported_word_for_word(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'x.db'}"
    count = 20

    raw = json.loads(chitchat.installed().read_bytes())
    file = tmp_path / "dataset.json"  # the whole of it takes seconds to read
    file.write_text(json.dumps({uuid: raw[uuid] for uuid in list(raw)[: count + 1]}))

    first = backscroll(database, "import", "chitchat", "--limit", str(count))
    again = backscroll(database, "import", str(file), "--limit", str(count))

    assert first.stdout == f"{count} imported, 0 already there, 0 refused\n"
    assert again.stdout == f"0 imported, {count} already there, 0 refused\n"
    lines = [json.loads(line) for line in backscroll(database, "export").stdout.splitlines()]
    texts = {
        line["metadata"]["conversation"]: [message["content"] for message in line["messages"]]
        for line in lines
    }
    assert texts == {
        uuid: [utterance["text"] for turn in raw[uuid]["messages"] for utterance in turn]
        for uuid in list(raw)[:count]
    }


def test_without_the_dataset_the_way_to_install_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tests' own environment has the dataset, and others read it meanwhile.
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    result = backscroll(f"sqlite:///{tmp_path / 'x.db'}", "import", "chitchat")

    assert (result.exit_code, result.stdout, result.stderr) == (
        2,
        "",
        (
            "backscroll: the chitchat conversations are not installed. "
            f"To install them: {how_to_add('demo')}\n"
        ),
    )
