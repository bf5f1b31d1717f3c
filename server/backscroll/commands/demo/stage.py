"""What the audience sees: scenes, what an agent reads in them, and whether each claim held."""

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from backscroll_tools.plain import plain


class Stage:
    """Prints scenes and keeps count of the checks.

    Whatever is printed is escaped, and is no markup: what others wrote stays what they wrote.

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
        """Explain something."""
        self._line(f"   {text}")

    def asks(self, tool: str, arguments: Iterable[str]) -> None:
        """Show what the agent calls."""
        self._line(" ".join(["   >", tool, *arguments]), "yellow")

    def reads(self, text: str, lines: int) -> None:
        """Show the first lines of what the agent reads, each as far as it fits."""
        every = text.splitlines()
        for line in every[:lines]:
            self._line(f"   | {line}", "dim")
        if len(every) > lines:
            self._line(f"   | … {len(every) - lines} more lines", "dim")

    def check(self, claim: str, holds: bool) -> None:  # noqa: FBT001 - a claim holds or not
        """Show a claim and whether it held."""
        if holds:
            self.held += 1
            self._line(f"   ✓ {claim}", "green")
        else:
            self.failed.append(claim)
            self._line(f"   ✗ {claim}", "bold red")

    def end(self, text: str, style: str) -> None:
        """Say how it ended."""
        self._line(f"\n{text}", style)

    def _line(self, text: str, style: str = "") -> None:
        self._console.print(Text(plain(text), style), overflow="ellipsis", no_wrap=True, crop=True)
