"""What the sessions left: the section of docs/recorder.md."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from bench.agents.session import TURNS, Session

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = Path("docs", "recorder.md")

_BEGIN: Final = "<!-- measured -->\n"
_END: Final = "<!-- /measured -->"

_HEAD: Final = """\
`make agents` runs each agent without a screen, in an empty home folder, through `backscroll store
--forward --record all` in front of a scripted model. A session has {turns} turns: in each, the
agent runs a command that the model calls for, and the second turn continues the first. Agents send
the whole session with each request. A completion is stored whole, as in OpenAI's API; of a
response, only what is new is stored. Afterwards, `search-messages` finds every answer, and
`get-chat-messages` reads the whole session from the last one. Measured on {date}.
"""


def write(section_text: str, root: Path = ROOT) -> Path:
    """Write the section into the page, and return the page's path.

    Args:
        section_text: the section.
        root: the root of the repository.
    """
    page = root / PAGE
    before, begin, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    page.write_text(f"{before}{begin}{section_text}{end}{after}", encoding="utf-8")
    return page


def section(date: str, sessions: Mapping[tuple[str, str], Session | str]) -> str:
    """Return the section, in Markdown.

    Args:
        date: when the sessions ran, in ISO 8601.
        sessions: by the agent's title and version: its session, or why it did not run.
    """
    lines = [_HEAD.format(turns=len(TURNS), date=date), *_table(sessions)]
    return "\n".join(lines) + "\n"


def _table(sessions: Mapping[tuple[str, str], Session | str]) -> Iterator[str]:
    yield (
        "| agent | version | requests | answers found "
        "| messages sent | stored, with answers | read back |"
    )
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    for (title, version), session in sessions.items():
        if isinstance(session, Session):
            numbers = (
                *(len(session.asked), len(session.answers)),
                *(session.sent, session.stored, len(session.messages)),
            )
            yield f"| {title} | {version} | {' | '.join(map(str, numbers))} |"
    for (title, _), session in sessions.items():
        if isinstance(session, str):
            yield f"\n{title} did not run: {session}"
