"""Returns the authentication header of requests: an API key, or a token from Microsoft Entra."""

from collections.abc import Awaitable, Callable
from functools import cache
from importlib.util import find_spec
from typing import Any, Final

from backscroll.settings.addresses import NEEDS_KEY
from backscroll.settings.model import Settings
from backscroll.settings.parsing import SettingsError
from backscroll.upstream.kind import profile_of
from backscroll_tools.client.profiles import BY_KEY, Auth, Header, Profile
from backscroll_tools.errors import ToolError

ENTRA_SCOPE: Final = "https://ai.azure.com/.default"
"""The scope of tokens for Foundry and Azure OpenAI v1 (source: Microsoft's API reference)."""


class NoKeyError(SettingsError):
    """No key is set although one is required, or the library for Entra is not installed."""


class NotSignedInError(ToolError):
    """Microsoft Entra did not return a token."""


def credential(settings: Settings, profile: Profile) -> Callable[[], Awaitable[Header]] | None:
    """Return a function that returns the authentication header. If no header is sent, return None.

    Raises:
        NoKeyError: a key is required but not set, or the library for Entra is not installed.
    """
    match _auth(settings, profile):
        case "none":
            return None
        case "bearer":
            return _fixed(("Authorization", f"Bearer {settings.api_key}"))
        case "api-key" | "x-api-key" | "x-goog-api-key" as header:
            return _fixed((header, settings.api_key))
        case "entra":
            return _entra()


def lacks_key(settings: Settings) -> bool:
    """Return whether the upstream requires a key that the operator has not set."""
    try:
        credential(settings, profile_of(settings))
    except NoKeyError:
        return True
    return False


def _auth(settings: Settings, profile: Profile) -> Auth:
    chosen: Auth = settings.auth or profile.auth  # type: ignore[assignment]  # checked when the settings are loaded
    if settings.api_key and chosen == "entra":
        return "bearer"  # the key is a token that the operator obtained
    if not settings.api_key and chosen == "bearer" and profile.key_optional:
        return "none"
    if not settings.api_key and chosen in BY_KEY:
        message = f"{name_of_key(profile.name)} is needed for the upstream {profile.name}."
        raise NoKeyError(message)
    return chosen


def name_of_key(upstream: str) -> str:
    """Return the environment variable that sets the key of a kind of upstream."""
    return NEEDS_KEY.get(upstream, "BACKSCROLL_API_KEY")


def _fixed(header: Header) -> Callable[[], Awaitable[Header]]:
    async def fixed() -> Header:
        return header

    return fixed


def _entra() -> Callable[[], Awaitable[Header]]:
    if not _installed("azure.identity"):
        from backscroll.settings.installation import how_to_add

        message = (
            "BACKSCROLL_API_KEY is not set, and signing in with Microsoft Entra requires the "
            f"extra `azure`. To install it: {how_to_add('azure')}"
        )
        raise NoKeyError(message)

    import anyio.to_thread

    async def signed_in() -> Header:
        # The library's asynchronous API needs a package such as aiohttp. So its synchronous API is
        # used, in a thread. The thread may wait for long, so it is abandoned at a call's deadline.
        token = await anyio.to_thread.run_sync(_entra_token, abandon_on_cancel=True)
        return ("Authorization", f"Bearer {token}")

    return signed_in


def _entra_token() -> str:
    """Return a token. The library caches it until it is about to expire.

    Raises:
        NotSignedInError: `auth_failed` if Entra does not return a token.
    """
    from azure.core.exceptions import AzureError

    try:
        return str(_identity().get_token(ENTRA_SCOPE).token)
    except AzureError as error:
        raise NotSignedInError(
            "auth_failed",
            f"Microsoft Entra did not return a token ({type(error).__name__}).",
            next_step="Ask the operator to sign in (az login), or to set BACKSCROLL_API_KEY.",
        ) from None


@cache
def _identity() -> Any:  # noqa: ANN401 - the library may not be installed
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the parent package is missing too
        return False
