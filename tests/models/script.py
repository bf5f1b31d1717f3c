"""What the model answers: a script in the newest text of the user, one command on each line.

Without a command, the model repeats what the user said. Commands:

    /say TEXT               answers with this text
    /reason TEXT            thinks this first
    /call NAME JSON         calls a tool; when its output is there, answers with the text
    /refuse TEXT            refuses with this text
    /cite URL TITLE         cites a page
    /error STATUS TEXT      answers with an error
    /error-once STATUS TEXT answers with an error, and the same request again as scripted
    /error-inside N TEXT    sends an error after N events of a stream whose status is 200
    /cut N                  breaks the connection after N events
    /stop N                 ends the stream properly after N events, without its last one
    /pause SECONDS          waits before each event after the first
    /huge BYTES             sends so many characters in one event
    /endless                sends the same text again and again
    /garble N               sends an event after N others that is not JSON
    /hang                   answers nothing until the caller leaves
    /html STATUS            answers with a page
    /gzip                   answers with a compressed body
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

JSON: TypeAlias = dict[str, Any]

COMMANDS = frozenset(
    [
        "say",
        "reason",
        "call",
        "refuse",
        "cite",
        "error",
        "error-once",
        "error-inside",
        "cut",
        "stop",
        "pause",
        "huge",
        "endless",
        "garble",
        "hang",
        "html",
        "gzip",
    ]
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One message, of either API."""

    role: str
    text: str
    images: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool, with its arguments as JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model answers, and how the server fails at it.

    Attributes:
        commands: the arguments of each command that is not about the content, by its name.
    """

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    citation: tuple[str, str] | None = None
    calls: tuple[Call, ...] = ()
    commands: Mapping[str, str] = field(default_factory=dict)

    def number(self, command: str) -> float | None:
        """Return the number that a command begins with; None if it was not given."""
        given = self.commands.get(command)
        return None if given is None else float(given.split()[0] if given else 0)


def pieces(text: str) -> list[str]:
    """Return the tokens of a text: words with the space after them."""
    return re.findall(r"\S+\s*|\s+", text)


def turns_of_messages(messages: Iterable[JSON]) -> list[Turn]:
    """Return the turns in the messages of a chat completion's request."""
    return [
        Turn("tool" if each["role"] in ("tool", "function") else each["role"], *_content(each))
        for each in messages
    ]


def turns_of_input(given: str | Iterable[JSON]) -> list[Turn]:
    """Return the turns in the input of a response's request."""
    if isinstance(given, str):
        return [Turn("user", given)]
    turns = []
    for item in given:
        if str(item.get("type")).endswith("_output"):
            turns.append(Turn("tool", _text(item.get("output"))))
        elif item.get("type", "message") == "message" and "role" in item:
            turns.append(Turn(item["role"], *_content(item)))
    return turns


def answer_to(turns: Sequence[Turn], schema: JSON | None = None) -> Answer:
    """Return what the model answers.

    Args:
        turns: the conversation.
        schema: the JSON schema that the text must follow, if any.
    """
    last = max((i for i, turn in enumerate(turns) if turn.role == "user"), default=-1)
    asked = turns[last] if last >= 0 else Turn("user", "")
    outputs = [turn.text for turn in turns[last + 1 :] if turn.role == "tool"]
    lines = [re.fullmatch(r"/([a-z-]+) ?(.*)", line) for line in asked.text.splitlines()]
    commands = [(match[1], match[2]) for match in lines if match and match[1] in COMMANDS]
    found = dict(commands)
    calls = tuple(
        Call(*f"{given} {{}}".split(" ", 1)) for name, given in commands if name == "call"
    )
    calls = tuple(Call(each.name, json.dumps(_first(each.arguments))) for each in calls)
    text = found.get("say")
    if text is None and schema is not None:
        text = json.dumps(instance_of(schema))
    elif text is None and outputs:
        text = f"The tools said: {' '.join(outputs)}"
    elif text is None and not (calls or "refuse" in found):
        seen = f" (with images: {asked.images})" if asked.images else ""
        text = f"You said: {asked.text}{seen}"
    cited = found.get("cite", "").partition(" ")
    return Answer(
        text=text or "",
        reasoning=found.get("reason", ""),
        refusal=found.get("refuse", ""),
        citation=(cited[0], cited[2]) if "cite" in found else None,
        calls=() if outputs else calls,
        commands=found,
    )


def instance_of(schema: JSON) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value that follows a schema of the kinds that structured output allows."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    if kind == "object":
        return {name: instance_of(each) for name, each in schema.get("properties", {}).items()}
    if kind == "array":
        return [instance_of(schema.get("items", {"type": "string"}))]
    return {"string": "text", "integer": 1, "number": 1.5, "boolean": True}.get(kind)


def _first(text: str) -> JSON:
    found: JSON = json.JSONDecoder().raw_decode(text)[0]
    return found


def _content(message: JSON) -> tuple[str, int]:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    images = sum(part.get("type") in ("image_url", "input_image") for part in parts)
    return _text(content), images


def _text(content: object) -> str:
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content)
    return content if isinstance(content, str) else ""
