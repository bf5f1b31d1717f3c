"""The kinds of upstreams, and the known behaviour of each kind.

The sources are in docs/upstreams.md. To support a new kind, add a profile here, and a test.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from backscroll_tools.client.groups import (
    AGENT_SESSIONS,
    ASSISTANTS,
    BATCHES,
    CHAT_COMPLETIONS,
    CHATKIT,
    CONVERSATIONS,
    FILES,
    FINE_TUNING,
    INTERACTIONS,
    LIST_CONVERSATIONS,
    LIST_RESPONSES,
    LIST_THREADS,
    MANAGED_SESSIONS,
    MESSAGE_FILES,
    MISTRAL_CONVERSATIONS,
    MODELS,
    ORGANIZATION,
    RESPONSES,
    RUNS,
    SEARCH,
    THREADS,
    VECTOR_STORES,
    Group,
)

PAGE_ITEMS: Final = 100
"""The maximum number of items in one reply of an upstream (OpenAI API, `limit` of list calls)."""

Header: TypeAlias = tuple[str, str]

Auth: TypeAlias = Literal["none", "bearer", "api-key", "x-api-key", "x-goog-api-key", "entra"]
"""How requests are authenticated: not at all, by the header `Authorization: Bearer`, by the header
`api-key`, `x-api-key` or `x-goog-api-key`, or by a Microsoft Entra token."""

BY_KEY: Final = frozenset({"bearer", "api-key", "x-api-key", "x-goog-api-key"})
"""The ways to authenticate that need an API key."""

THREADS_RETIRED: Final = (
    "OpenAI shut down threads on 2026-08-26. Use a conversation id (conv_…), Azure AI Foundry "
    "(BACKSCROLL_UPSTREAM=foundry, until 2027-03-31) or the embedded store "
    "(BACKSCROLL_UPSTREAM=store)."
)


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of upstream.

    Attributes:
        name: the value of `BACKSCROLL_UPSTREAM` that selects this kind.
        serves: the groups of endpoints that the upstream serves.
        auth: how requests are authenticated.
        base_url: the base URL; empty if upstreams of this kind have different base URLs.
        base_suffix: the end of the base URL. It is added if an operator leaves it out.
        prefixes: for a group of endpoints, the path between the base URL and the group's path.
        queries: for a group of endpoints, query parameters that every request has.
        key_optional: whether the upstream can be used without a key.
        reports_database_errors: whether an error code that starts with `database_` means that a
            database failed and nothing was written.
        honours_idempotency_keys: whether the upstream sends the first reply again if an
            `Idempotency-Key` is repeated.
        keeps_metadata: whether the upstream stores the metadata of messages. If so, a write adds
            its idempotency key to the metadata, so that the message can be recognised later.
        trusts_has_more: whether `has_more: false` reliably means the end of the list.
        abridges: whether the upstream shortens long content if a request has the query parameter
            `abridged` (`store`).
        lists_late: whether a new message may be missing from the list for a while (OGX).
        retrieves_listed_ids: whether the upstream can retrieve each listed object by its id. If
            not, an object that cannot be retrieved is searched for in the list (LiteLLM, DevUI).
        lists_by_activity: whether the upstream lists threads and conversations by last activity.
        pages_input: whether the list of a response's input is known to work correctly: the upstream
            obeys `limit` and `after`, even if the item that `after` names was deleted, and it sends
            each item only once.
        looks_s: the pauses in seconds, one before each search for a message that may have been
            written. There are several searches, because some upstreams list messages late.
        underway_s: the maximum time between sending a message and its appearance in the list, in
            seconds. Proxies delay a request by up to five minutes, and lists are up to one minute
            late (docs/reliability.md).
        advice: the next step for an agent if the upstream lacks an endpoint.
    """

    name: str
    serves: frozenset[Group]
    auth: Auth = "bearer"
    base_url: str = ""
    base_suffix: str = ""
    prefixes: Mapping[Group, str] = field(default_factory=dict)
    queries: Mapping[Group, tuple[Header, ...]] = field(default_factory=dict)
    key_optional: bool = False
    reports_database_errors: bool = False
    honours_idempotency_keys: bool = False
    keeps_metadata: bool = True
    trusts_has_more: bool = True
    abridges: bool = False
    lists_late: bool = False
    retrieves_listed_ids: bool = True
    lists_by_activity: bool = False
    pages_input: bool = False
    looks_s: tuple[float, ...] = (0.0, 0.25, 0.75, 2.0)
    underway_s: float = 360.0
    advice: str = "Ask the operator which upstream BACKSCROLL_UPSTREAM should name."


STORE: Final = Profile(
    name="store",
    serves=frozenset(
        {
            THREADS,
            LIST_THREADS,
            MESSAGE_FILES,
            CONVERSATIONS,
            CHAT_COMPLETIONS,
            RESPONSES,
            LIST_RESPONSES,
            SEARCH,
        }
    ),
    auth="none",
    # In-process requests ignore the host name. `.invalid` never resolves (RFC 2606, section 2).
    base_url="http://store.invalid/v1",
    reports_database_errors=True,
    abridges=True,
    honours_idempotency_keys=True,
    lists_by_activity=True,
    pages_input=True,
)
OPENAI: Final = Profile(
    name="openai",
    serves=frozenset(
        {
            CONVERSATIONS,
            CHAT_COMPLETIONS,
            RESPONSES,
            FILES,
            VECTOR_STORES,
            FINE_TUNING,
            BATCHES,
            MODELS,
            ORGANIZATION,
            AGENT_SESSIONS,
        }
    ),
    base_url="https://api.openai.com/v1",
    advice=THREADS_RETIRED,
)
FOUNDRY: Final = Profile(
    name="foundry",
    serves=frozenset(
        {
            THREADS,
            LIST_THREADS,
            CONVERSATIONS,
            LIST_CONVERSATIONS,
            RESPONSES,
            LIST_RESPONSES,
            ASSISTANTS,
            RUNS,
            FILES,
            VECTOR_STORES,
        }
    ),
    auth="entra",
    prefixes={CONVERSATIONS: "/openai/v1", RESPONSES: "/openai/v1"},
    queries=dict.fromkeys(
        (THREADS, ASSISTANTS, RUNS, FILES, VECTOR_STORES), (("api-version", "v1"),)
    ),
)
AZURE: Final = Profile(
    name="azure",
    serves=frozenset({CHAT_COMPLETIONS, FILES, VECTOR_STORES, FINE_TUNING, BATCHES, MODELS}),
    auth="api-key",
    base_suffix="/openai/v1",
)
COMPATIBLE: Final = Profile(
    name="compatible",
    serves=frozenset({THREADS, CONVERSATIONS, CHAT_COMPLETIONS, RESPONSES}),
    key_optional=True,
    trusts_has_more=False,
    lists_late=True,
    retrieves_listed_ids=False,
    advice=f"If threads are missing: {THREADS_RETIRED}",
)

FIREWORKS: Final = Profile(
    name="fireworks",
    serves=frozenset({RESPONSES, LIST_RESPONSES}),
    base_url="https://api.fireworks.ai/inference/v1",
)
CHATKIT_THREADS: Final = Profile(
    name="chatkit",
    serves=frozenset({CHATKIT}),
    base_url="https://api.openai.com/v1",
)
ANTHROPIC: Final = Profile(
    name="anthropic",
    serves=frozenset({MANAGED_SESSIONS}),
    auth="x-api-key",
    base_url="https://api.anthropic.com/v1",
)
MISTRAL: Final = Profile(
    name="mistral",
    serves=frozenset({MISTRAL_CONVERSATIONS}),
    base_url="https://api.mistral.ai/v1",
)
GOOGLE: Final = Profile(
    name="google",
    serves=frozenset({INTERACTIONS}),
    auth="x-goog-api-key",
    base_url="https://generativelanguage.googleapis.com/v1beta",
)

PROFILES: Final = {
    profile.name: profile
    for profile in (
        STORE,
        OPENAI,
        FOUNDRY,
        AZURE,
        FIREWORKS,
        CHATKIT_THREADS,
        ANTHROPIC,
        MISTRAL,
        GOOGLE,
        COMPATIBLE,
    )
}


@dataclass(frozen=True, slots=True)
class Upstream:
    """One configured upstream.

    Attributes:
        profile: the kind of upstream.
        base_url: the URL that paths are added to, without a trailing slash.
        headers: the headers of every request. They may name an organisation, so `repr` omits them.
        credential: returns the header that authenticates the caller. It is called before every
            request, because tokens expire.
        caller: identifies the caller if several callers share the upstream; otherwise empty. It
            ensures that a caller's idempotency key never replays another caller's write.
        admin_key: the key for requests about the organization; empty if the operator has set none,
            or if the caller may not use it.
    """

    profile: Profile
    base_url: str
    headers: tuple[Header, ...] = field(default=(), repr=False)
    credential: Callable[[], Awaitable[Header]] | None = field(default=None, repr=False)
    caller: str = ""
    admin_key: str = field(default="", repr=False)

    @property
    def in_process(self) -> bool:
        """Whether this is the embedded store, which is called without a network."""
        return self.base_url == STORE.base_url


EMBEDDED: Final = Upstream(STORE, STORE.base_url)
"""The embedded store as an upstream. It is called in this process."""
