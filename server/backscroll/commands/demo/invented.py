"""Writes an invented history to files, in the formats of Claude Code, Codex and ChatGPT."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zipfile import ZipFile

from msgspec import Struct

from backscroll.store.envelopes import JSON

QUESTION: Final = "How did we fix the flaky test last month?"
FIXED: Final = "I fixed the flaky test: a fixture now stops the clock. It passed 200 runs in a row."
PASSWORD: Final = "Earl-Grey-4711"  # noqa: S105 - invented, to show that it is redacted

_FIX_IT: Final = "Please fix it. The database is postgres://shop:{}@localhost/shop."
_PROJECT: Final = "/home/ada/shop"
_DAY_S: Final = 86_400


class Invented(Struct, frozen=True):
    """A conversation of the history.

    Attributes:
        id: the conversation's id in Claude Code, Codex or ChatGPT.
        days: how many days ago the conversation took place.
        texts: the messages, alternately of the user and of the assistant.
    """

    id: str
    days: int
    texts: tuple[str, ...]

    def said(self, now_s: int) -> Iterator[tuple[int, int, str, str]]:
        """Yield each message: its number, its time in Unix seconds, its role and its text."""
        for number, text in enumerate(self.texts):
            role = "assistant" if number % 2 else "user"
            yield number, now_s - self.days * _DAY_S + 60 * number, role, text


FLAKY: Final = Invented(
    "7b1d4c02-5a3e-4f18-9c6d-0e2f8a91b345",
    31,
    (
        "test_checkout fails in one run of five. Why?",
        "It compares two times, and sometimes a new second begins between them.",
        _FIX_IT.format(PASSWORD),
        FIXED,
        "Thank you! Commit it.",
    ),
)
"""A session of Claude Code. One of its messages has a password."""

SLOW: Final = Invented(
    "019a3f5e-7c21-7b40-8d15-6f0c2e94a7d3",
    24,
    (
        "Why does the page of the kettle take four seconds?",
        "It asks the database for each of its 380 reviews. With one query, it takes 40 ms.",
    ),
)
"""A session of Codex."""

SOURDOUGH: Final = Invented(
    "68f2a1b7-3c4d-8005-9e6f-1a2b3c4d5e6f",
    45,
    (
        "How do I keep my sourdough alive while I am away for two weeks?",
        "Feed it, close the jar loosely, and put it into the fridge. It will forgive you.",
    ),
)
"""A chat of ChatGPT."""

HISTORY: Final = (FLAKY, SLOW, SOURDOUGH)

AROUND_FIXED: Final = (
    FLAKY.texts[1],
    _FIX_IT.format("[redacted: password]"),
    *FLAKY.texts[3:],
)
"""`FIXED` and the three stored messages around it, with the password redacted."""


def write_sessions(home: Path, now_s: int) -> dict[str, str]:
    """Write the sessions of Claude Code and Codex into a new home folder.

    Args:
        home: the folder.
        now_s: the present time in Unix seconds.

    Returns:
        the environment variables that make `backscroll sync` search only this folder.
    """
    claude, codex = home / "claude", home / "codex"
    day = datetime.fromtimestamp(now_s - SLOW.days * _DAY_S, UTC)
    _write_lines(claude / "projects" / "-home-ada-shop" / f"{FLAKY.id}.jsonl", _claude(now_s))
    _write_lines(
        codex / "sessions" / f"{day:%Y/%m/%d}" / f"rollout-{day:%Y-%m-%dT%H-%M-%S}-{SLOW.id}.jsonl",
        _codex(now_s),
    )
    elsewhere = ("HOME", "USERPROFILE", "APPDATA", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
    return {
        **dict.fromkeys(elsewhere, str(home)),
        "LLM_USER_PATH": str(home / "llm"),
        "CLAUDE_CONFIG_DIR": str(claude),
        "CODEX_HOME": str(codex),
    }


def write_export(path: Path, now_s: int) -> None:
    """Write an export of ChatGPT.

    Args:
        path: the path of the new archive.
        now_s: the present time in Unix seconds.
    """
    mapping: dict[str, JSON] = {}
    parent = None
    for number, at, role, text in SOURDOUGH.said(now_s):
        message = {
            "id": f"message-{number}",
            "author": {"role": role},
            "create_time": at,
            "content": {"content_type": "text", "parts": [text]},
        }
        mapping[f"message-{number}"] = {"parent": parent, "message": message}
        parent = f"message-{number}"
    chat = {
        "conversation_id": SOURDOUGH.id,
        "title": "Sourdough on holiday",
        "current_node": parent,
        "mapping": mapping,
    }
    with ZipFile(path, "w") as archive:
        archive.writestr("conversations.json", json.dumps([chat]))


def _claude(now_s: int) -> Iterator[JSON]:
    parent = None
    for number, at, role, text in FLAKY.said(now_s):
        uuid = f"{FLAKY.id[:-1]}{number}"
        yield {
            "type": role,
            "uuid": uuid,
            "parentUuid": parent,
            "sessionId": FLAKY.id,
            "cwd": _PROJECT,
            "timestamp": _iso(at),
            "message": {"role": role, "content": [{"type": "text", "text": text}]},
        }
        parent = uuid


def _codex(now_s: int) -> Iterator[JSON]:
    began = _iso(now_s - SLOW.days * _DAY_S)
    meta = {"id": SLOW.id, "cwd": _PROJECT, "timestamp": began}
    yield {"timestamp": began, "type": "session_meta", "payload": meta}
    for _, at, role, text in SLOW.said(now_s):
        kind = "output_text" if role == "assistant" else "input_text"
        message = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
        yield {"timestamp": _iso(at), "type": "response_item", "payload": message}


def _iso(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _write_lines(path: Path, lines: Iterator[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
