"""The groups of endpoints that an upstream may serve. Add new groups here.

The paths and headers of OpenAI's API are from its published documents of 2026-08-21. The endpoint
for the files of a message is the exception: it is from the documents of 2024-04-15. This module
imports only the standard library, because settings are read before heavy imports.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

Kinds: TypeAlias = frozenset[str]
"""The values that the field `object` may have for one kind of object."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """A group of endpoints.

    Attributes:
        name: the group's name in `BACKSCROLL_SERVES` and in the names of spans.
        words: the objects that the group serves, in words for people, such as "stored completions".
        root: the path of the outermost list, such as `/threads`.
        probe: the path of the list that is read to find out whether the upstream serves the group.
            It is `root` or, for example, the list of messages of a thread that does not exist. If
            the group has no lists, it is an object that does not exist.
        probe_query: the query of the request for `probe`, which asks for one item; empty if `probe`
            is not a list.
        kinds: for each list, the values that the field `object` of its objects may have. The keys
            are the last segments of the lists' paths.
        headers: the headers of each request of the group.
        part_of: the group whose headers, prefix and query parameters this group's requests use;
            None if the group has its own.
        needs_admin_key: whether the requests need an admin key instead of the ordinary key.
        probe_is_array: whether the reply to the request for `probe` is an array instead of an
            object.
    """

    name: str
    words: str
    root: str
    probe: str
    kinds: Mapping[str, Kinds]
    probe_query: tuple[tuple[str, str], ...] = (("limit", "1"), ("order", "desc"))
    headers: tuple[tuple[str, str], ...] = ()
    part_of: "Group | None" = None
    needs_admin_key: bool = False
    probe_is_array: bool = False

    def __str__(self) -> str:
        """Return the name."""
        return self.name

    @property
    def names_made_up(self) -> bool:
        """Whether `probe` contains an id that does not exist.

        If so, an upstream that serves the group replies with `not_found`.
        """
        return self.probe != self.root


_THREAD: Final[Kinds] = frozenset({"thread"})
_MESSAGE: Final[Kinds] = frozenset({"thread.message", "message"})
_ITEM: Final[Kinds] = frozenset({"conversation.item", "message"})
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
    kinds={"conversations": frozenset({"conversation"}), "items": _ITEM},
)
CHAT_COMPLETIONS: Final = Group(
    name="chat_completions",
    words="stored completions",
    root="/chat/completions",
    probe="/chat/completions",
    # The messages of stored completions may have no `object`.
    kinds={"completions": frozenset({"chat.completion"}), "messages": _MESSAGE},
)
RESPONSES: Final = Group(
    name="responses",
    words="responses",
    root="/responses",
    probe=f"/responses/resp_{_MADE_UP}{_MADE_UP}/input_items",
    kinds={"responses": frozenset({"response"}), "input_items": _ITEM},
)
LIST_RESPONSES: Final = Group(
    name="list_responses",
    words="lists of responses",
    root="/responses",
    probe="/responses",
    kinds={"responses": frozenset({"response"})},
    part_of=RESPONSES,
)
LIST_CONVERSATIONS: Final = Group(
    name="list_conversations",
    words="lists of conversations",
    root="/conversations",
    probe="/conversations",
    kinds={"conversations": frozenset({"conversation"})},
    part_of=CONVERSATIONS,
)
AGENT_SESSIONS: Final = Group(
    name="agent_sessions",
    words="agent sessions",
    root="/agents/sessions",
    probe="/agents/sessions",
    # The items of agent sessions have no `object`.
    kinds={"sessions": frozenset({"agent.session"}), "items": frozenset({"message"})},
    headers=(("OpenAI-Beta", "agents=v1"),),
)
CHATKIT: Final = Group(
    name="chatkit",
    words="ChatKit threads",
    root="/chatkit/threads",
    probe="/chatkit/threads",
    kinds={"threads": frozenset({"chatkit.thread"}), "items": frozenset({"chatkit.thread_item"})},
    headers=(("OpenAI-Beta", "chatkit_beta=v1"),),
)
MANAGED_SESSIONS: Final = Group(
    name="managed_sessions",
    words="managed agent sessions",
    root="/sessions",
    probe="/sessions",
    # The objects of this API have a `type` and no `object`.
    kinds={"sessions": frozenset({"session"}), "events": frozenset({"event"})},
    headers=(
        ("anthropic-version", "2023-06-01"),
        ("anthropic-beta", "managed-agents-2026-04-01"),
    ),
)
"""The sessions of Anthropic's managed agents (docs/upstreams.md)."""

MISTRAL_CONVERSATIONS: Final = Group(
    name="mistral_conversations",
    words="Mistral conversations",
    root="/conversations",
    probe="/conversations",
    kinds={"conversations": frozenset({"conversation"}), "history": frozenset({"entry"})},
    probe_query=(("page", "0"), ("page_size", "1")),
    probe_is_array=True,
)
"""The conversations of Mistral's API. Their format differs from OpenAI's (docs/upstreams.md)."""

INTERACTIONS: Final = Group(
    name="interactions",
    words="Google interactions",
    root="/interactions",
    probe=f"/interactions/interaction_{_MADE_UP}",
    kinds={"interactions": frozenset({"interaction"})},
    probe_query=(),
)
"""The interactions of Google's API, which cannot be listed (docs/upstreams.md)."""

SEARCH: Final = Group(
    name="search",
    words="search",
    root="/search",
    probe="/search",
    kinds={"search": frozenset({"search.hit"})},
    probe_query=(("query", "a"), ("limit", "1")),
)
"""The search of the embedded store (docs/upstreams.md). OpenAI's API has no search."""

_VERSION_2: Final = (("OpenAI-Beta", "assistants=v2"),)

ASSISTANTS: Final = Group(
    name="assistants",
    words="assistants",
    root="/assistants",
    probe="/assistants",
    kinds={"assistants": frozenset({"assistant"})},
    headers=_VERSION_2,
)
RUNS: Final = Group(
    name="runs",
    words="runs",
    root="/threads",
    probe=f"/threads/thread_{_MADE_UP}/runs",
    kinds={
        "runs": frozenset({"thread.run", "run"}),
        "steps": frozenset({"thread.run.step", "run.step"}),
    },
    headers=_VERSION_2,
)
FILES: Final = Group(
    name="files",
    words="files",
    root="/files",
    probe="/files",
    kinds={"files": frozenset({"file"})},
)
VECTOR_STORES: Final = Group(
    name="vector_stores",
    words="vector stores",
    root="/vector_stores",
    probe="/vector_stores",
    kinds={"vector_stores": frozenset({"vector_store"})},
    headers=_VERSION_2,
)
FINE_TUNING: Final = Group(
    name="fine_tuning",
    words="fine-tuning jobs",
    root="/fine_tuning/jobs",
    probe="/fine_tuning/jobs",
    kinds={"jobs": frozenset({"fine_tuning.job"})},
    probe_query=(("limit", "1"),),
)
BATCHES: Final = Group(
    name="batches",
    words="batches",
    root="/batches",
    probe="/batches",
    kinds={"batches": frozenset({"batch"})},
    probe_query=(("limit", "1"),),
)
MODELS: Final = Group(
    name="models",
    words="models",
    root="/models",
    probe="/models",
    kinds={"models": frozenset({"model"})},
    probe_query=(("limit", "1"),),
)
ORGANIZATION: Final = Group(
    name="organization",
    words="an organization's administration",
    root="/organization/projects",
    probe="/organization/projects",
    kinds={"projects": frozenset({"organization.project"})},
    probe_query=(("limit", "1"),),
    needs_admin_key=True,
)

READABLE: Final = (
    THREADS,
    CONVERSATIONS,
    AGENT_SESSIONS,
    CHATKIT,
    MANAGED_SESSIONS,
    MISTRAL_CONVERSATIONS,
)
"""The groups with lists of messages that `list-messages` reads."""

GROUPS: Final = {
    group.name: group
    for group in (
        THREADS,
        LIST_THREADS,
        MESSAGE_FILES,
        CONVERSATIONS,
        LIST_CONVERSATIONS,
        CHAT_COMPLETIONS,
        RESPONSES,
        LIST_RESPONSES,
        AGENT_SESSIONS,
        CHATKIT,
        MANAGED_SESSIONS,
        MISTRAL_CONVERSATIONS,
        INTERACTIONS,
        SEARCH,
        ASSISTANTS,
        RUNS,
        FILES,
        VECTOR_STORES,
        FINE_TUNING,
        BATCHES,
        MODELS,
        ORGANIZATION,
    )
}
"""All groups by name, in the order in which they are shown to people."""
