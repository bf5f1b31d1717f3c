"""The groups of endpoints that an upstream has or lacks, each one value: a new one is added here.

Paths and headers are those of OpenAI's published documents: 2026-08-21, and 2024-04-15 for the
files of a message. Imports the standard library only: settings are read before anything heavy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

Kinds: TypeAlias = frozenset[str]
"""What the field `object` may say of one kind of thing."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """A group of endpoints.

    Attributes:
        name: the word in `BACKSCROLL_SERVES` that stands for it; also in the names of spans.
        words: what it serves, in words for people, as a plural: "stored completions".
        root: the path of its outermost list, such as `/threads`.
        probe: the path of a list that can be read to see whether the group is served; one below
            `root` names an object that does not exist.
        kinds: what `object` says of the things in its lists, by the last word of a list's path.
        headers: sent with each of its requests.
        part_of: the group as whose requests its own are sent, with that group's headers, prefix
            and query; None if they are sent as its own.
    """

    name: str
    words: str
    root: str
    probe: str
    kinds: Mapping[str, Kinds]
    headers: tuple[tuple[str, str], ...] = ()
    part_of: "Group | None" = None

    def __str__(self) -> str:
        """Return the name."""
        return self.name

    @property
    def names_made_up(self) -> bool:
        """Whether the probe names a made-up id, so that `not_found` is the answer hoped for."""
        return self.probe != self.root


_THREAD: Final[Kinds] = frozenset({"thread"})
_MESSAGE: Final[Kinds] = frozenset({"thread.message", "message"})
_MADE_UP: Final = "0" * 24

THREADS: Final = Group(
    name="threads",
    words="threads",
    root="/threads",
    probe=f"/threads/thread_{_MADE_UP}/messages",
    kinds={"threads": _THREAD, "messages": _MESSAGE},
    headers=(("OpenAI-Beta", "assistants=v2"),),
)
LIST_THREADS: Final = Group(
    name="list_threads",
    words="lists of threads",
    root="/threads",
    probe="/threads",
    kinds={"threads": _THREAD},
    part_of=THREADS,
)
MESSAGE_FILES: Final = Group(
    name="message_files",
    words="files of messages",
    root="/threads",
    probe=f"/threads/thread_{_MADE_UP}/messages/msg_{_MADE_UP}/files",
    kinds={"files": frozenset({"thread.message.file", "file"})},
    headers=(("OpenAI-Beta", "assistants=v1"),),
)
CONVERSATIONS: Final = Group(
    name="conversations",
    words="conversations",
    root="/conversations",
    probe=f"/conversations/conv_{_MADE_UP}{_MADE_UP}/items",
    kinds={
        "conversations": frozenset({"conversation"}),
        "items": frozenset({"conversation.item", "message"}),
    },
)
CHAT_COMPLETIONS: Final = Group(
    name="chat_completions",
    words="stored completions",
    root="/chat/completions",
    probe="/chat/completions",
    # Stored completions' messages say nothing of themselves.
    kinds={"completions": frozenset({"chat.completion"}), "messages": _MESSAGE},
)

GROUPS: Final = {
    group.name: group
    for group in (THREADS, LIST_THREADS, MESSAGE_FILES, CONVERSATIONS, CHAT_COMPLETIONS)
}
"""Every group by its name, in the order in which people are told of them."""
