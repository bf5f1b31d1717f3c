"""A home with session logs of Claude Code, which tests write line by line."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from backscroll.history.sources.finding import FoundSource, found
from backscroll.history.sources.source import Surroundings


@dataclass(slots=True)
class Log:
    """A session log.

    Attributes:
        path: the file.
        session: the session's id.
        cwd: the working directory of the session.
        lines: the ids of its lines.
    """

    path: Path
    session: str
    cwd: str = "/w/site"
    lines: list[str] = field(default_factory=list)

    def say(self, text: str, role: str = "user", end: str = "\n") -> None:
        """Append a message."""
        line = self.line(text, role)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + end)

    def line(self, text: str, role: str = "user") -> dict[str, object]:
        """Return the next line, which answers the last one."""
        parent = self.lines[-1] if self.lines else None
        number = len(self.lines) + 1
        uuid = f"{self.session[:8]}-0000-4000-8000-{number:012}"
        self.lines.append(uuid)
        return {
            "type": role,
            "uuid": uuid,
            "parentUuid": parent,
            "sessionId": self.session,
            "cwd": self.cwd,
            "timestamp": f"2026-01-02T03:04:{number % 60:02}Z",
            "message": {"role": role, "content": text},
        }


@dataclass(slots=True)
class Home:
    """A home folder.

    Attributes:
        path: the folder.
    """

    path: Path

    def log(self, number: int = 1, project: str = "-w-site") -> Log:
        """Return a new session's log, whose file appears with its first line."""
        session = f"{number:08}-1111-4111-8111-111111111111"
        folder = self.path / ".claude" / "projects" / project
        folder.mkdir(parents=True, exist_ok=True)
        return Log(folder / f"{session}.jsonl", session)

    def found(self) -> list[FoundSource]:
        """Return the files as they are now."""
        return found(Surroundings({}, self.path, "linux"))
