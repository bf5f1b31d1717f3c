"""The output of the demo: scenes, what an agent reads in them, and the result of each check."""

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from backscroll_tools.plain import plain


class Stage:
    """Prints scenes and counts the checks.

    All text is escaped and never taken for markup, because it includes messages from others.

    Args:
        console: where to print.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._scenes = 0
        self.held = 0
        self.failed: list[str] = []

    def scene(self, title: str) -> None:
        """Begin a scene."""
        self._scenes += 1
        self._line(f"\n{self._scenes}. {title}", "bold cyan")

    def say(self, text: str) -> None:
        """Print an explanation."""
        self._line(f"   {text}")

    def asks(self, tool: str, arguments: Iterable[str]) -> None:
        """Show a tool call of the agent."""
        self._line(" ".join(["   >", tool, *arguments]), "yellow")

    def reads(self, text: str, lines: int) -> None:
        """Show the first lines of the text that the agent reads, each cut to the width."""
        every = text.splitlines()
        for line in every[:lines]:
            self._line(f"   | {line}", "dim")
        if len(every) > lines:
            self._line(f"   | … {len(every) - lines} more lines", "dim")

    def check(self, claim: str, holds: bool) -> None:  # noqa: FBT001 - the result of the check
        """Show a claim and whether it holds, and count it."""
        if holds:
            self.held += 1
            self._line(f"   ✓ {claim}", "green")
        else:
            self.failed.append(claim)
            self._line(f"   ✗ {claim}", "bold red")

    def end(self, text: str, style: str) -> None:
        """Print the outcome of the demo."""
        self._line(f"\n{text}", style)

    def _line(self, text: str, style: str = "") -> None:
        self._console.print(Text(plain(text), style), overflow="ellipsis", no_wrap=True, crop=True)
