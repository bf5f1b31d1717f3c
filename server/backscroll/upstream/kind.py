"""Determines the kind of upstream that the settings choose.

This module imports no third-party library, because it runs early in every start.
"""

from dataclasses import replace

from backscroll.settings.model import Settings
from backscroll_tools.client.groups import GROUPS
from backscroll_tools.client.profiles import COMPATIBLE, PROFILES, STORE, Profile


def profile_of(settings: Settings) -> Profile:
    """Return the profile of the chosen kind of upstream.

    For the upstream `compatible`, settings such as `serves` determine fields of the profile.
    """
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
    """Return whether the upstream is a store in this process, and not a store at a URL."""
    return PROFILES[settings.upstream] is STORE and not settings.base_url
