"""How requests name their caller: a key in one of two headers, or a token of Microsoft Entra."""

from collections.abc import Awaitable, Callable
from typing import Final

import anyio.to_thread

from backscroll.settings import Settings, SettingsError
from backscroll_tools.client.profiles import Auth, Header, Profile

ENTRA_SCOPE: Final = "https://ai.azure.com/.default"
"""The scope of tokens for Foundry and Azure OpenAI v1 (Microsoft's API reference)."""


def credential(settings: Settings, profile: Profile) -> Callable[[], Awaitable[Header]] | None:
    """Return what gives the header that names the caller, or nothing where none is sent.

    Raises:
        SettingsError: a key is needed and not set, or the library for Entra is not installed.
    """
    match _auth(settings, profile):
        case "none":
            return None
        case "bearer":
            return _fixed(("Authorization", f"Bearer {settings.api_key}"))
        case "api-key":
            return _fixed(("api-key", settings.api_key))
        case "entra":
            return _entra()


def _auth(settings: Settings, profile: Profile) -> Auth:
    chosen: Auth = settings.auth or profile.auth  # type: ignore[assignment]  # checked on loading
    if settings.api_key and chosen == "entra":
        return "bearer"  # a token that the operator has got already
    if not settings.api_key and chosen == "bearer" and profile.key_optional:
        return "none"
    if not settings.api_key and chosen in {"bearer", "api-key"}:
        message = f"BACKSCROLL_API_KEY is needed for the upstream {profile.name}."
        raise SettingsError(message)
    return chosen


def _fixed(header: Header) -> Callable[[], Awaitable[Header]]:
    async def give() -> Header:
        return header

    return give


def _entra() -> Callable[[], Awaitable[Header]]:
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError:
        message = (
            "BACKSCROLL_API_KEY is not set, and signing in with Microsoft Entra needs the extra "
            "`azure`: pip install 'backscroll[azure]'."
        )
        raise SettingsError(message) from None
    identity = DefaultAzureCredential()

    async def give() -> Header:
        # The library keeps a token until it is about to expire. Its asynchronous form would need
        # another HTTP client.
        token = await anyio.to_thread.run_sync(identity.get_token, ENTRA_SCOPE)
        return ("Authorization", f"Bearer {token.token}")

    return give
