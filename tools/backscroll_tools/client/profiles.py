"""What is known of an upstream before it is asked anything: one value per kind of upstream.

Sources: docs/upstreams.md. A new kind of upstream is one more value here, and its test.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from backscroll_tools.client.groups import (
    CHAT_COMPLETIONS,
    CONVERSATIONS,
    LIST_THREADS,
    MESSAGE_FILES,
    THREADS,
    Group,
)

PAGE_ITEMS: Final = 100
"""The most items that one upstream request may ask for (OpenAI API, `limit` of list calls)."""

Header: TypeAlias = tuple[str, str]

Auth: TypeAlias = Literal["none", "bearer", "api-key", "entra"]
"""How a request names its caller: `Authorization: Bearer`, `api-key`, or an Entra token."""

THREADS_RETIRED: Final = (
    "OpenAI switched threads off on 2026-08-26. Use a conversation id (conv_…), Azure AI Foundry "
    "(BACKSCROLL_UPSTREAM=foundry, until 2027-03-31) or the embedded store "
    "(BACKSCROLL_UPSTREAM=store)."
)


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of upstream.

    Attributes:
        name: the word in `BACKSCROLL_UPSTREAM` that selects it.
        serves: the endpoints that it has.
        auth: how its callers are told apart.
        base_url: where it is, where it is always in one place.
        base_suffix: what its base URL ends with; added where an operator leaves it out.
        prefixes: what stands between the base URL and the path of a group of endpoints.
        queries: parameters that every request of a group of endpoints carries.
        key_optional: whether it may be asked without a key.
        tells_of_its_database: whether a code of an error that begins with `database_` says that
            nothing was written, and its sentence why.
        honours_idempotency_keys: whether a repeated `Idempotency-Key` replays the first reply.
        keeps_metadata: whether a message's metadata is kept, so that a write can be marked.
        trusts_has_more: whether `has_more: false` means the end; else a further request tells.
        lists_late: whether what was written may take a while to be found (OGX).
        looks_s: the pauses before each look for a message that may have been written, in seconds:
            some upstreams list it late.
        underway_s: how long after it was sent a message may still arrive and be listed, in
            seconds: proxies hold a request for up to five minutes, and lists lag by up to one
            (docs/reliability.md).
        advice: what to say where an endpoint is missing.
    """

    name: str
    serves: frozenset[Group]
    auth: Auth = "bearer"
    base_url: str = ""
    base_suffix: str = ""
    prefixes: Mapping[Group, str] = field(default_factory=dict)
    queries: Mapping[Group, tuple[Header, ...]] = field(default_factory=dict)
    key_optional: bool = False
    tells_of_its_database: bool = False
    honours_idempotency_keys: bool = False
    keeps_metadata: bool = True
    trusts_has_more: bool = True
    lists_late: bool = False
    looks_s: tuple[float, ...] = (0.0, 0.25, 0.75, 2.0)
    underway_s: float = 360.0
    advice: str = "Ask the operator which upstream BACKSCROLL_UPSTREAM should name."


STORE: Final = Profile(
    name="store",
    serves=frozenset({THREADS, LIST_THREADS, MESSAGE_FILES, CONVERSATIONS, CHAT_COMPLETIONS}),
    auth="none",
    # In process any host does, and `.invalid` can never be dialled (RFC 2606, section 2).
    base_url="http://store.invalid/v1",
    tells_of_its_database=True,
    honours_idempotency_keys=True,
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
    advice=f"Where it is threads that are missing: {THREADS_RETIRED}",
)

PROFILES: Final = {profile.name: profile for profile in (STORE, OPENAI, FOUNDRY, AZURE, COMPATIBLE)}


@dataclass(frozen=True, slots=True)
class Upstream:
    """One upstream, ready to be asked.

    Attributes:
        profile: what kind it is.
        base_url: where its paths start, without a trailing slash.
        headers: sent with every request; may name an organisation, so not in `repr`.
        credential: returns the header that names the caller; asked before every request, since
            tokens expire.
        caller: on whose behalf it is asked, where there are several: what one of them wrote under
            an idempotency key, no other can replay.
    """

    profile: Profile
    base_url: str
    headers: tuple[Header, ...] = field(default=(), repr=False)
    credential: Callable[[], Awaitable[Header]] | None = field(default=None, repr=False)
    caller: str = ""


EMBEDDED: Final = Upstream(STORE, STORE.base_url)
"""The embedded store, reached in process."""
