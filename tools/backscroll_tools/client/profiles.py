"""The kinds of upstreams, and the known behaviour of each.

The sources are in docs/upstreams.md. A new kind needs a value here, and a test.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from backscroll_tools.client.groups import (
    CHAT_COMPLETIONS,
    CONVERSATIONS,
    LIST_THREADS,
    MESSAGE_FILES,
    SEARCH,
    THREADS,
    Group,
)

PAGE_ITEMS: Final = 100
"""The maximum number of items in one reply of an upstream (OpenAI API, `limit` of list calls)."""

Header: TypeAlias = tuple[str, str]

Auth: TypeAlias = Literal["none", "bearer", "api-key", "entra"]
"""How a request is authenticated: `Authorization: Bearer`, `api-key`, or an Entra token."""

THREADS_RETIRED: Final = (
    "OpenAI shut down threads on 2026-08-26. Use a conversation id (conv_…), Azure AI Foundry "
    "(BACKSCROLL_UPSTREAM=foundry, until 2027-03-31) or the embedded store "
    "(BACKSCROLL_UPSTREAM=store)."
)


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of upstream.

    Attributes:
        name: the value of `BACKSCROLL_UPSTREAM` that selects it.
        serves: the groups of endpoints that it serves.
        auth: how its requests are authenticated.
        base_url: its base URL; empty if that differs between upstreams of this kind.
        base_suffix: the end of its base URL, which is added if an operator leaves it out.
        prefixes: the path between the base URL and the path of a group of endpoints.
        queries: query parameters of every request of a group of endpoints.
        key_optional: whether it can be used without a key.
        reports_database_errors: whether error codes that start with `database_` mean that a
            database failed and nothing was written.
        honours_idempotency_keys: whether a repeated `Idempotency-Key` replays the first reply.
        keeps_metadata: whether it keeps messages' metadata, so that a write can carry a marker.
        trusts_has_more: whether `has_more: false` means the end of the list, without another check.
        abridges: whether it shortens long content on request, as the store does (`abridged`).
        lists_late: whether a new message may take a while to appear (OGX).
        retrieves_listed_ids: whether it can retrieve each object that it lists, by its id. If not,
            an object that cannot be retrieved is searched for in the list (LiteLLM, DevUI).
        lists_by_activity: whether it lists threads and conversations by last activity.
        looks_s: the pauses before the searches for a message that may have been written, in
            seconds. There are several searches because some upstreams list messages late.
        underway_s: the maximum time from sending a message until it is listed, in seconds. Proxies
            delay a request by up to five minutes, and lists lag by up to one
            (docs/reliability.md).
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
    looks_s: tuple[float, ...] = (0.0, 0.25, 0.75, 2.0)
    underway_s: float = 360.0
    advice: str = "Ask the operator which upstream BACKSCROLL_UPSTREAM should name."


STORE: Final = Profile(
    name="store",
    serves=frozenset(
        {THREADS, LIST_THREADS, MESSAGE_FILES, CONVERSATIONS, CHAT_COMPLETIONS, SEARCH}
    ),
    auth="none",
    # Requests in process ignore the host; `.invalid` never resolves (RFC 2606, section 2).
    base_url="http://store.invalid/v1",
    reports_database_errors=True,
    abridges=True,
    honours_idempotency_keys=True,
    lists_by_activity=True,
)
OPENAI: Final = Profile(
    name="openai",
    serves=frozenset({CONVERSATIONS, CHAT_COMPLETIONS}),
    base_url="https://api.openai.com/v1",
    advice=THREADS_RETIRED,
)
FOUNDRY: Final = Profile(
    name="foundry",
    serves=frozenset({THREADS, LIST_THREADS, CONVERSATIONS}),
    auth="entra",
    prefixes={CONVERSATIONS: "/openai/v1"},
    queries={THREADS: (("api-version", "v1"),)},
)
AZURE: Final = Profile(
    name="azure",
    serves=frozenset({CHAT_COMPLETIONS}),
    auth="api-key",
    base_suffix="/openai/v1",
)
COMPATIBLE: Final = Profile(
    name="compatible",
    serves=frozenset({THREADS, CONVERSATIONS, CHAT_COMPLETIONS}),
    key_optional=True,
    trusts_has_more=False,
    lists_late=True,
    retrieves_listed_ids=False,
    advice=f"If threads are missing: {THREADS_RETIRED}",
)

PROFILES: Final = {profile.name: profile for profile in (STORE, OPENAI, FOUNDRY, AZURE, COMPATIBLE)}


@dataclass(frozen=True, slots=True)
class Upstream:
    """One configured upstream.

    Attributes:
        profile: the kind of upstream.
        base_url: the URL that paths are added to, without a trailing slash.
        headers: headers of every request; not in `repr`, because they may name an organisation.
        credential: returns the header that authenticates the caller; called before every request,
            because tokens expire.
        caller: identifies the caller if several share the upstream, so that one caller's
            idempotency keys never replay another's writes.
    """

    profile: Profile
    base_url: str
    headers: tuple[Header, ...] = field(default=(), repr=False)
    credential: Callable[[], Awaitable[Header]] | None = field(default=None, repr=False)
    caller: str = ""

    @property
    def in_process(self) -> bool:
        """Whether it is the embedded store, which is called without a network."""
        return self.base_url == STORE.base_url


EMBEDDED: Final = Upstream(STORE, STORE.base_url)
"""The embedded store, called in process."""
