"""The skill that teaches agents to use the tools: its last line, and its copies in plugins.

Claude Code, Codex, Cursor and Gemini CLI read `skills/NAME/SKILL.md` in a plugin or an extension.
Sources, as of November 2026: code.claude.com/docs/en/plugins-reference,
developers.openai.com/codex/plugins/build, cursor.com/docs/plugins/building,
agent-plugins.org (1.0.0), geminicli.com/docs/cli/using-agent-skills.
"""

from pathlib import Path
from typing import Final

from backscroll.mcp import skill_file
from manifests.description import FOLDER, VERSION

_IN: Final = ("plugin", "gemini")
"""The folders of `manifests/` that contain a copy. One serves Claude Code, Codex, Cursor and the
vendor-neutral plugin."""


def files() -> dict[Path, str]:
    """Return the text of the skill in the package, and of each copy of it."""
    text = skill_file.marked(skill_file.text(), VERSION)
    copies = [FOLDER / name / "skills" / skill_file.NAME / skill_file.FILE_NAME for name in _IN]
    return dict.fromkeys([skill_file.PATH, *copies], text)
