"""Prints the demo's scenes, tool calls, tool results and checks."""

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from backscroll_tools.plain import plain


class Stage:
    """Prints scenes and counts the checks.

    The printed texts can contain messages. So control characters are escaped, and `[bold]` and
    other markup of Rich in a text is printed as it is.

    Args:
        console: the console to print to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._scenes = 0
        self.passed = 0
        self.failed: list[str] = []

    def scene(self, title: str) -> None:
        """Begin a scene."""
        self._scenes += 1
        self._line(f"\n{self._scenes}. {title}", "bold cyan")

    def say(self, text: str) -> None:
        """Print an explanation."""
        self._line(f"   {text}")

    def types(self, command: str) -> None:
        """Print a command as a person types it."""
        self._line(f"   $ {command}", "yellow")

    def asks(self, tool: str, arguments: Iterable[str]) -> None:
        """Print a tool call."""
        self._line(" ".join(["   >", tool, *arguments]), "yellow")

    def reads(self, text: str, lines: int) -> None:
        """Print the first lines of a result, cut to the terminal's width."""
        all_lines = text.splitlines()
        for line in all_lines[:lines]:
            self._line(f"   | {line}", "dim")
        if len(all_lines) > lines:
            self._line(f"   | … {len(all_lines) - lines} more lines", "dim")

    def check(self, claim: str, passed: bool) -> None:  # noqa: FBT001 - the result of the check
        """Print a claim and whether it is true, and count it."""
        if passed:
            self.passed += 1
            self._line(f"   ✓ {claim}", "green")
        else:
            self.failed.append(claim)
            self._line(f"   ✗ {claim}", "bold red")

    def end(self, text: str, style: str) -> None:
        """Print the outcome of the demo."""
        self._line(f"\n{text}", style)

    def _line(self, text: str, style: str = "") -> None:
        self._console.print(Text(plain(text), style), overflow="ellipsis", no_wrap=True, crop=True)
