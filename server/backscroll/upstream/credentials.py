"""How requests name their caller: a key in one of two headers, or a token of Microsoft Entra."""

from collections.abc import Awaitable, Callable
from functools import cache
from importlib.util import find_spec
from typing import Any, Final

from backscroll.settings.addresses import NEEDS_KEY
from backscroll.settings.model import Settings
from backscroll.settings.parsing import SettingsError
from backscroll.upstream.kind import profile_of
from backscroll_tools.client.profiles import Auth, Header, Profile
from backscroll_tools.errors import ToolError

ENTRA_SCOPE: Final = "https://ai.azure.com/.default"
"""The scope of tokens for Foundry and Azure OpenAI v1 (Microsoft's API reference)."""


class NoKeyError(SettingsError):
    """A key is needed and not set, or the library for Entra is not installed."""


class NotSignedInError(ToolError):
    """Microsoft Entra gave no token."""


def credential(settings: Settings, profile: Profile) -> Callable[[], Awaitable[Header]] | None:
    """Return what gives the header that names the caller, or nothing where none is sent.

    Raises:
        NoKeyError: a key is needed and not set, or the library for Entra is not installed.
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


def lacks_key(settings: Settings) -> bool:
    """Whether the upstream wants a key, and the operator has none for it."""
    try:
        credential(settings, profile_of(settings))
    except NoKeyError:
        return True
    return False


def _auth(settings: Settings, profile: Profile) -> Auth:
    chosen: Auth = settings.auth or profile.auth  # type: ignore[assignment]  # checked on loading
    if settings.api_key and chosen == "entra":
        return "bearer"  # a token that the operator has got already
    if not settings.api_key and chosen == "bearer" and profile.key_optional:
        return "none"
    if not settings.api_key and chosen in {"bearer", "api-key"}:
        message = f"{name_of_key(profile.name)} is needed for the upstream {profile.name}."
        raise NoKeyError(message)
    return chosen


def name_of_key(upstream: str) -> str:
    """Return what the operator sets a kind of upstream's key with."""
    return NEEDS_KEY.get(upstream, "BACKSCROLL_API_KEY")


def _fixed(header: Header) -> Callable[[], Awaitable[Header]]:
    async def give() -> Header:
        return header

    return give


def _entra() -> Callable[[], Awaitable[Header]]:
    if not _installed("azure.identity"):
        message = (
            "BACKSCROLL_API_KEY is not set, and signing in with Microsoft Entra needs the extra "
            "`azure`: pip install 'backscroll[azure]'."
        )
        raise NoKeyError(message)

    import anyio.to_thread

    async def give() -> Header:
        # In a thread, because the library's asynchronous form would need another HTTP client;
        # abandoned at a call's deadline, because the library may wait for long.
        token = await anyio.to_thread.run_sync(_entra_token, abandon_on_cancel=True)
        return ("Authorization", f"Bearer {token}")

    return give


def _entra_token() -> str:
    """Return a token, which the library keeps until it is about to expire.

    Raises:
        NotSignedInError: `auth_failed` where nobody is signed in.
    """
    from azure.core.exceptions import AzureError

    try:
        return str(_identity().get_token(ENTRA_SCOPE).token)
    except AzureError as error:
        raise NotSignedInError(
            "auth_failed",
            f"Microsoft Entra gave no token ({type(error).__name__}).",
            next_step="Ask the operator to sign in (az login), or to set BACKSCROLL_API_KEY.",
        ) from None


@cache
def _identity() -> Any:  # noqa: ANN401 - of a library that may not be there
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package around it is there
        return False
