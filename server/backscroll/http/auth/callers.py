"""Who asks, and what they may do."""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final, Protocol

from backscroll.database.tokens import SCOPES
from backscroll.http.narrowing import allowed_toolsets
from backscroll.http.refusals import RefusedError
from backscroll.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Caller:
    """One caller.

    Attributes:
        id: tells callers apart, and never changes; empty for anybody at all.
        name: what the audit log calls them.
        writes: whether they have the scope `write`.
        toolsets: those they may use; `all` for whatever the server offers.
        partition: their part of the store; empty for the one that all share.
        key_variable: the environment variable with their key to the upstream, if any.
    """

    id: str
    name: str
    writes: bool = False
    toolsets: tuple[str, ...] = ("all",)
    partition: str = ""
    key_variable: str = ""

    def allowed(self, settings: Settings) -> Settings:
        """Return the settings, with what this caller may not do left out."""
        return replace(
            settings,
            toolsets=allowed_toolsets(settings.toolsets, self.toolsets),
            read_only=settings.read_only or not self.writes,
        )


ANYONE: Final = Caller("", "anyone", writes=True)


class Callers(Protocol):
    """Knows callers by what they send."""

    async def caller(self, authorization: str) -> Caller:
        """Return who sends an `Authorization` header, which may be empty.

        Raises:
            RefusedError: 401 or 403, with what a client needs to do better (RFC 6750, section 3).
        """


class OpenToAll:
    """Lets anybody in: for a machine's own programs."""

    async def caller(self, authorization: str) -> Caller:  # noqa: ARG002 - nobody is asked
        """Return anyone."""
        return ANYONE


def bearer(authorization: str) -> str:
    """Return the token of an `Authorization` header, or nothing (RFC 6750, section 2.1)."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def unauthorized(sentence: str, *, sent: bool, metadata: str = "") -> RefusedError:
    """Return the refusal of who has no valid token.

    Args:
        sentence: what is wrong.
        sent: whether there was a token at all: otherwise no error is named (RFC 6750, section 3.1).
        metadata: where the protected resource is described (RFC 9728, section 5.1).
    """
    error = {"error": "invalid_token", "error_description": sentence} if sent else {}
    scope = {"scope": " ".join(SCOPES)} if metadata else {}
    return RefusedError(HTTPStatus.UNAUTHORIZED, sentence, _challenge({**error, **scope}, metadata))


def insufficient(scope: str, *, metadata: str = "") -> RefusedError:
    """Return the refusal of a token that lacks a scope (RFC 6750, section 3.1)."""
    sentence = f"The token lacks the scope {scope}."
    said = {"error": "insufficient_scope", "error_description": sentence, "scope": scope}
    return RefusedError(HTTPStatus.FORBIDDEN, sentence, _challenge(said, metadata))


def _challenge(said: dict[str, str], metadata: str) -> dict[str, str]:
    said = {**said, "resource_metadata": metadata} if metadata else said
    parameters = ", ".join(f'{name}="{value}"' for name, value in said.items())
    return {"WWW-Authenticate": f"Bearer {parameters}".rstrip()}
