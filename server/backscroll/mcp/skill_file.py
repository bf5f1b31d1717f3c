"""Reads the skill that teaches agents to use the tools, and recognises unchanged copies of it.

A skill is a folder with a file `SKILL.md`, as agentskills.io specifies. The file's last line is an
HTML comment with Backscroll's version and a digest of the text before the comment. The digest shows
whether a user has changed an installed copy, also if another version of Backscroll wrote the copy.
"""

import hashlib
import re
from pathlib import Path
from typing import Final

NAME: Final = "backscroll"
"""The skill's name, and the name of the folder in which it is installed."""

FILE_NAME: Final = "SKILL.md"

URI: Final = f"skill://{NAME}/{FILE_NAME}"
"""The file's URI as an MCP resource."""

PATH: Final = Path(__file__).parent / "skill" / FILE_NAME

_MARK: Final = re.compile(r"\n<!-- Backscroll (\S+) ([0-9a-f]{16}) -->\n\Z")


def text() -> str:
    """Return the skill of this version of Backscroll."""
    return PATH.read_text("utf-8")


def marked(skill: str, version: str) -> str:
    """Return a skill with a current last line.

    Args:
        skill: the text of the skill, with or without a last line that names a version and a digest.
        version: the version of Backscroll to name.
    """
    body = _MARK.sub("", skill)
    return f"{body}\n<!-- Backscroll {version} {_digest(body)} -->\n"


def version_of(skill: str) -> str:
    """Return the version of Backscroll that wrote a skill.

    Return an empty string if Backscroll did not write the skill, or if it was changed afterwards.
    """
    mark = _MARK.search(skill)
    if mark is None or mark[2] != _digest(skill[: mark.start()]):
        return ""
    return mark[1]


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:16]
