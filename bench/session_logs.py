"""Generates realistic session logs of Claude Code and Codex, to measure with.

`python -m bench.session_logs FOLDER --megabytes 1000` writes them. The same seed writes the same
logs.
"""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import click

MEGABYTE: Final = 1_000_000

_SOURCES: Final = Path(__file__).parent.parent / "server" / "backscroll"
_START: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)
_TURNS: Final = (4, 60)
"""How many prompts a session has, at least and at most."""

_CALLS: Final = (0, 9)
"""How many tools are called to answer one prompt."""

_LONG: Final = 0.01
"""The share of tool outputs that are one long line."""

_LONG_CHARS: Final = 400_000
_IMAGES: Final = 0.005
_VERBS: Final = ("Fix", "Explain", "Refactor", "Test", "Measure", "Rename", "Document", "Split")


class Writer:
    """Invents sessions: prompts, answers, tool calls and the outputs of tools."""

    def __init__(self, seed: int) -> None:
        """Seed the random generator."""
        self._random = random.Random(seed)
        self._files = {
            path.name: path.read_text(encoding="utf-8") for path in sorted(_SOURCES.rglob("*.py"))
        }
        self._names = sorted(name for name, text in self._files.items() if len(text) > 500)
        self._words = sorted(set(" ".join(self._files.values()).split()))
        self._now = _START

    def claude_code(self) -> tuple[str, list[dict[str, Any]]]:
        """Return the name and the lines of a log of Claude Code."""
        session = self._uuid()
        lines: list[dict[str, Any]] = []
        parent: str | None = None

        def add(kind: str, message: dict[str, Any] | None, **other: object) -> None:
            nonlocal parent
            uuid = self._uuid()
            line: dict[str, object] = {
                "parentUuid": parent,
                "isSidechain": False,
                "userType": "external",
                "cwd": "/home/ada/backscroll",
                "sessionId": session,
                "version": "2.1.80",
                "gitBranch": "main",
                "type": kind,
            }
            if message is not None:
                line["message"] = message
            lines.append(line | {"uuid": uuid, "timestamp": self._time(), **other})
            parent = uuid

        for _ in range(self._random.randint(*_TURNS)):
            snapshot = {"messageId": self._uuid(), "trackedFileBackups": {}}
            lines.append({"type": "file-history-snapshot", "snapshot": snapshot})
            add("user", {"role": "user", "content": self._prompt()})
            for _ in range(self._random.randint(*_CALLS)):
                message_id = f"msg_{self._random.getrandbits(96):024x}"
                call_id = f"toolu_{self._random.getrandbits(96):024x}"
                blocks: list[dict[str, object]] = [
                    {"type": "thinking", "thinking": self._prose(60), "signature": "c2ln" * 90},
                    self._text(25),
                    {"type": "tool_use", "id": call_id, "name": "Read", "input": self._arguments()},
                ]
                for block in blocks:
                    add("assistant", self._message(message_id, block), requestId="req_1")
                if self._random.random() < 0.3:
                    add("progress", None, data={"type": "hook_progress", "hookName": "format"})
                output = self._output()
                content: object = output
                if self._random.random() < _IMAGES:
                    content = [{"type": "image", "source": self._image()}]
                result = {"type": "tool_result", "tool_use_id": call_id, "content": content}
                add(
                    "user",
                    {"role": "user", "content": [result]},
                    toolUseResult={"type": "text", "file": {"content": output[:2_000]}},
                )
            add("assistant", self._message(f"msg_{self._uuid()}", self._text(120)))
            self._now += timedelta(minutes=self._random.randint(0, 30))
        lines.append({"type": "ai-title", "aiTitle": self._prose(5), "sessionId": session})
        return f"{session}.jsonl", lines

    def codex(self) -> tuple[str, list[dict[str, Any]]]:
        """Return the name and the lines of a log of Codex."""
        session = self._uuid()
        lines: list[dict[str, Any]] = []

        def add(kind: str, payload: dict[str, Any]) -> None:
            lines.append({"timestamp": self._time(), "type": kind, "payload": payload})

        def say(role: str, text: str) -> None:
            kind = "output_text" if role == "assistant" else "input_text"
            content = [{"type": kind, "text": text}]
            add("response_item", {"type": "message", "role": role, "content": content})

        started = self._time()
        meta = {"id": session, "timestamp": started, "cwd": "/home/ada/backscroll"}
        git = {"branch": "main", "commit_hash": "0" * 40}
        add("session_meta", meta | {"cli_version": "0.147.0", "git": git})
        say("user", "<environment_context>\n  <cwd>/home/ada</cwd>\n</environment_context>")
        for _ in range(self._random.randint(*_TURNS)):
            add("turn_context", {"turn_id": self._uuid(), "cwd": "/home/ada", "model": "gpt-test"})
            prompt = self._prompt()
            say("user", prompt)
            add("event_msg", {"type": "user_message", "message": prompt, "images": []})
            for _ in range(self._random.randint(*_CALLS)):
                call_id = f"call_{self._random.getrandbits(96):024x}"
                thought = {"type": "summary_text", "text": self._prose(12)}
                secret = "gAAAA" + "b" * self._random.randint(400, 3_000)
                add(
                    "response_item",
                    {"type": "reasoning", "summary": [thought], "encrypted_content": secret},
                )
                arguments = json.dumps({"command": ["cat", self._random.choice(self._names)]})
                call = {"name": "shell", "arguments": arguments, "call_id": call_id}
                add("response_item", {"type": "function_call", **call})
                usage = {"total_token_usage": {"input_tokens": 1, "output_tokens": 2}}
                add("event_msg", {"type": "token_count", "info": usage})
                output = json.dumps({"output": self._output(), "metadata": {"exit_code": 0}})
                result = {"call_id": call_id, "output": output}
                add("response_item", {"type": "function_call_output", **result})
            answer = self._prose(120)
            add("event_msg", {"type": "agent_message", "message": answer})
            say("assistant", answer)
            self._now += timedelta(minutes=self._random.randint(0, 30))
        return f"rollout-{started[:19].replace(':', '-')}-{session}.jsonl", lines

    def _uuid(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def _time(self) -> str:
        self._now += timedelta(milliseconds=self._random.randint(1, 9_000))
        return self._now.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _prompt(self) -> str:
        name = self._random.choice(self._names)
        return f"{self._random.choice(_VERBS)} {name}: {self._prose(20)}"

    def _prose(self, words: int) -> str:
        return " ".join(self._random.choices(self._words, k=self._random.randint(1, 2 * words)))

    def _text(self, words: int) -> dict[str, object]:
        return {"type": "text", "text": self._prose(words)}

    def _arguments(self) -> dict[str, object]:
        return {"file_path": f"/home/ada/{self._random.choice(self._names)}", "limit": 200}

    def _output(self) -> str:
        text = self._files[self._random.choice(self._names)]
        if self._random.random() < _LONG:
            return (text * (_LONG_CHARS // len(text) + 1)).replace("\n", "\\n")
        return text[: self._random.randint(50, 8_000)]

    def _image(self) -> dict[str, object]:
        data = "iVBORw0KGgo" + "A" * self._random.randint(20_000, 600_000)
        return {"type": "base64", "media_type": "image/png", "data": data}

    @staticmethod
    def _message(message_id: str, block: dict[str, object]) -> dict[str, object]:
        usage = {"input_tokens": 4, "cache_read_input_tokens": 12_345, "output_tokens": 67}
        message = {"id": message_id, "type": "message", "role": "assistant", "content": [block]}
        return message | {"model": "claude-test-1", "stop_reason": None, "usage": usage}


def write_logs(folder: Path, size: int, seed: int = 16) -> int:
    """Write logs of both programs, as the programs lay them out, and return their total size.

    Args:
        folder: gets `projects` with the logs of Claude Code, and `sessions` with those of Codex.
        size: the total size to reach, in bytes. Each program has about half of it.
        seed: the seed of the random generator.
    """
    writer = Writer(seed)
    written = 0
    while written < size:
        for path, lines in _next_logs(folder, writer):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", encoding="utf-8") as file:
                for line in lines:
                    written += file.write(json.dumps(line, separators=(",", ":")) + "\n")
    return written


def _next_logs(folder: Path, writer: Writer) -> Iterator[tuple[Path, list[dict[str, Any]]]]:
    name, lines = writer.claude_code()
    yield folder / "projects" / "-home-ada-backscroll" / name, lines
    name, lines = writer.codex()
    yield folder / "sessions" / "2026" / "03" / name[16:18] / name, lines


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--megabytes", default=1_000, help="The total size, in megabytes.", show_default=True)
@click.option("--seed", default=16, help="What to start from.", show_default=True)
def main(folder: Path, megabytes: int, seed: int) -> None:
    """Write session logs of Claude Code and Codex to FOLDER."""
    written = write_logs(folder, megabytes * MEGABYTE, seed)
    click.echo(f"{written / MEGABYTE:,.0f} MB in {folder}")


if __name__ == "__main__":
    main()
