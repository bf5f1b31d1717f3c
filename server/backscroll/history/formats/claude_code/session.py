"""Collects the facts of a session of Claude Code, such as its model and working directory."""

from msgspec import Struct, field

from backscroll.history.reading.fields import mapping, text_in
from backscroll.history.reading.times import Period
from backscroll.store.envelopes import JSON


class Session(Struct):
    """The facts of the main conversation, or of the conversation of one sub-agent.

    Attributes:
        session: the session id of the last line that has one.
        agent: the id of the sub-agent; empty for the main conversation.
        prompt: the first prompt, shortened.
        period: when its lines were written.
        project: the working directory of the first line that has one.
        git_branch: the git branch of the last line that has one.
        model: the model that answered last.
        version: the version of the program that wrote the last line.
        forked_from: the id of the session from which the first lines were copied.
        replaced: how many characters became U+FFFD.
        turns: the number of lines with messages.
    """

    session: str = ""
    agent: str = ""
    prompt: str = ""
    period: Period = field(default_factory=Period)
    project: str = ""
    git_branch: str = ""
    model: str = ""
    version: str = ""
    forked_from: str = ""
    replaced: int = 0
    turns: int = 0

    def note(self, line: JSON, time: int | None, replaced: int) -> None:
        """Take the facts of one line."""
        get = line.get
        # Almost all lines repeat these values, so comparing them first saves most of the work.
        if get("sessionId") != self.session:
            self.session = text_in(line, "sessionId") or self.session
        if get("gitBranch") != self.git_branch:
            self.git_branch = text_in(line, "gitBranch") or self.git_branch
        if get("version") != self.version:
            self.version = text_in(line, "version") or self.version
        if not self.project:
            self.project = text_in(line, "cwd")
        if "forkedFrom" in line and not self.forked_from:
            self.forked_from = text_in(mapping(line["forkedFrom"]), "sessionId")
        self.replaced += replaced
        self.period.add(time)


class Prompt(Struct, frozen=True):
    """A prompt that was typed while the program worked, and that is not in the tree of lines.

    Attributes:
        position: the position of its line.
        time: in Unix milliseconds.
        text: the prompt.
    """

    position: int
    time: int
    text: str
