"""Which kind of upstream the settings choose.

Imports only the standard library, because it runs before anything else is imported.
"""

from dataclasses import replace

from backscroll.settings.model import Settings
from backscroll_tools.client.groups import GROUPS
from backscroll_tools.client.profiles import COMPATIBLE, PROFILES, STORE, Profile


def profile_of(settings: Settings) -> Profile:
    """Return the kind of upstream that the settings choose, adjusted to what they say about it."""
    profile = PROFILES[settings.upstream]
    if profile is not COMPATIBLE:
        return profile
    return replace(
        profile,
        serves=frozenset(GROUPS[name] for name in settings.serves),
        honours_idempotency_keys=settings.idempotency_keys,
        trusts_has_more=settings.has_more,
    )


def is_embedded(settings: Settings) -> bool:
    """Whether the upstream is the store in this process, not one at a URL."""
    return PROFILES[settings.upstream] is STORE and not settings.base_url
