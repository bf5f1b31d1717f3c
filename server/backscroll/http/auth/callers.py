"""Describes callers and their permissions."""

from dataclasses import replace
from http import HTTPStatus
from typing import Final, Protocol

from msgspec import Struct

from backscroll.database.tokens import REQUESTED
from backscroll.http.narrowing import allowed_toolsets
from backscroll.http.refusals import RefusedError
from backscroll.settings.model import Settings


class Caller(Struct, frozen=True):
    """The user or program that sends requests, and its permissions.

    Attributes:
        id: the caller's permanent id; empty for an anonymous caller.
        name: the caller's name in the audit log.
        writes: whether the caller has the scope `write`.
        administers: whether the caller has the scope `admin`.
        toolsets: the toolsets that the caller may use; `all` for every toolset of the server.
        partition: the caller's partition of the store; empty for the shared partition.
        key_variable: the environment variable with the caller's upstream key; empty if the caller
            has no key.
    """

    id: str
    name: str
    writes: bool = False
    administers: bool = False
    toolsets: tuple[str, ...] = ("all",)
    partition: str = ""
    key_variable: str = ""

    def allowed(self, settings: Settings) -> Settings:
        """Return the settings, restricted to the permissions of this caller."""
        return replace(
            settings,
            toolsets=allowed_toolsets(settings.toolsets, self.toolsets),
            read_only=settings.read_only or not self.writes,
            admin_key=settings.admin_key if self.administers else "",
        )


ANYONE: Final = Caller("", "anyone", writes=True)


class Callers(Protocol):
    """Identifies callers by the `Authorization` header of their requests."""

    async def caller(self, authorization: str) -> Caller:
        """Return the caller who sent an `Authorization` header, which may be empty.

        Raises:
            RefusedError: 401 or 403, with a challenge for the client (RFC 6750, section 3).
        """


class OpenToAll:
    """Lets everyone call. This is for servers that only programs on this machine can reach."""

    async def caller(self, authorization: str) -> Caller:  # noqa: ARG002 - the header is not checked
        """Return the anonymous caller."""
        return ANYONE


def bearer(authorization: str) -> str:
    """Return the bearer token in a header, or an empty string (RFC 6750, section 2.1)."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def unauthorized(sentence: str, *, sent: bool, metadata: str = "") -> RefusedError:
    """Return the error for a caller without a valid token.

    Args:
        sentence: a sentence that explains what is wrong.
        sent: whether a token was sent. If not, the challenge has no error code (RFC 6750, section
            3.1).
        metadata: the URL of the protected resource's metadata (RFC 9728, section 5.1).
    """
    error = {"error": "invalid_token", "error_description": sentence} if sent else {}
    scope = {"scope": " ".join(REQUESTED)} if metadata else {}
    return RefusedError(HTTPStatus.UNAUTHORIZED, sentence, _challenge({**error, **scope}, metadata))


def insufficient(scope: str, *, metadata: str = "") -> RefusedError:
    """Return the error for a token that lacks a scope (RFC 6750, section 3.1)."""
    sentence = f"The token lacks the scope {scope}."
    error = {"error": "insufficient_scope", "error_description": sentence, "scope": scope}
    return RefusedError(HTTPStatus.FORBIDDEN, sentence, _challenge(error, metadata))


def _challenge(parameters: dict[str, str], metadata: str) -> dict[str, str]:
    parameters = {**parameters, "resource_metadata": metadata} if metadata else parameters
    text = ", ".join(f'{name}="{value}"' for name, value in parameters.items())
    return {"WWW-Authenticate": f"Bearer {text}".rstrip()}
