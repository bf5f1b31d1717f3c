"""Tasks. A task has a user's request, an agent's actions, and a check of the outcome."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from bench.evaluation.desk import Desk
from bench.evaluation.world import World


class Scene(Protocol):
    """The environment of an agent: other users' writes, and the content of the store."""

    @property
    def world(self) -> World:
        """The content of the store at the start."""
        ...

    async def others_write(self, thread_id: str, text: str) -> None:
        """Write a message to a thread as another user."""
        ...

    async def others_delete(self, thread_id: str, message_id: str) -> None:
        """Delete a message of a thread as another user."""
        ...

    async def stored(self, thread_id: str) -> list[str]:
        """Return the texts of the newest hundred messages of a thread, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """A user's request, and how an agent fulfils it.

    Attributes:
        name: in a few words.
        asks: what the user says.
        least: the fewest calls of Backscroll's tools that it can be done with.
        does: does it, and tells whether the outcome is right.
        reads: the paths whose content answers it, which a dump would be made of.
        flaky: whether the network breaks the first write after it was acted on.
        most_tokens: the most that its calls and what they bring may take; 0 for any number.
    """

    name: str
    asks: str
    least: int
    does: Callable[[Desk, Scene], Awaitable[bool]]
    reads: Callable[[World], tuple[str, ...]]
    flaky: bool = False
    most_tokens: int = 0
