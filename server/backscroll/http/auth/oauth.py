"""Identifies callers by tokens of an OAuth issuer. The server is an OAuth resource server.

This follows the MCP specification (authorization), RFC 9068 (JWT access tokens) and RFC 8725 (best
current practices for JWTs).
"""

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import jwt
from jwt import exceptions
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Route

from backscroll.database.tokens import REQUESTED
from backscroll.http.auth.callers import Caller, bearer, insufficient, unauthorized
from backscroll.http.auth.issuer import Issuer, IssuerError
from backscroll.http.refusals import RefusedError
from backscroll.settings.addresses import flaw_of_address
from backscroll.settings.model import Settings
from backscroll.settings.parsing import SettingsError
from backscroll_tools.client.profiles import STORE
from backscroll_tools.plain import is_plain

LEEWAY_S: Final = 30
"""The maximum difference between the issuer's clock and this server's, in seconds."""

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"

_NAME_CHARS: Final = 128
_REQUIRED: Final = ("exp", "iss", "aud", "sub")


class OAuthCallers:
    """Identifies callers by the JWTs in their requests.

    Args:
        issuer: the issuer of the tokens.
        resource: the URL of this server. Tokens must have it as their audience.
        partitions: whether each caller has a separate partition of the store.
    """

    def __init__(self, issuer: Issuer, resource: str, *, partitions: bool) -> None:
        self._issuer = issuer
        self._audiences = [resource.rstrip("/"), f"{resource.rstrip('/')}/"]
        self._partitions = partitions
        self._metadata = metadata_url(resource)

    async def caller(self, authorization: str) -> Caller:
        """Return the caller that a token identifies.

        Raises:
            RefusedError: 401 if the token is missing or not valid, 403 if it lacks the scope
                `read`, 503 if the issuer's keys cannot be fetched.
        """
        token = bearer(authorization)
        if not token:
            raise unauthorized(
                "A bearer token is required.", sent=bool(authorization), metadata=self._metadata
            )
        try:
            claims = await self._claims(token)
        except exceptions.PyJWTError as error:
            raise unauthorized(_why(error), sent=True, metadata=self._metadata) from None
        except IssuerError:
            sentence = "The token issuer does not answer. Try again in 10 s."
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE, sentence, {"Retry-After": "10"}
            ) from None
        scopes = _scopes(claims)
        if "read" not in scopes:
            raise insufficient("read", metadata=self._metadata)
        subject = claims["sub"]
        digest = hashlib.sha256(f"{self._issuer.url}\0{subject}".encode()).hexdigest()
        return Caller(
            id=f"sub_{digest}",
            name=subject[:_NAME_CHARS],
            writes="write" in scopes,
            administers="admin" in scopes,
            partition=f"sub_{digest}" if self._partitions else "",
        )

    async def _claims(self, token: str) -> Mapping[str, Any]:
        """Verify a token's signature, issuer, audience and times, and return its claims.

        Raises:
            PyJWTError: the token is not valid.
            IssuerError: the issuer's keys cannot be fetched.
        """
        # The token's header is not verified yet. It is only used to select a key.
        key = await self._issuer.key(str(jwt.get_unverified_header(token).get("kid", "")))
        if key is None:
            raise exceptions.InvalidKeyError
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key.value,
            algorithms=key.algorithms,
            audience=self._audiences,
            issuer=self._issuer.url,
            leeway=LEEWAY_S,
            options={"require": list(_REQUIRED), "enforce_minimum_key_length": True},
        )
        if not _is_name(claims["sub"]):
            raise exceptions.InvalidSubjectError
        return claims


def check(settings: Settings) -> None:
    """Check that the OAuth settings are complete and consistent.

    Raises:
        SettingsError: a setting is missing or not valid. The message names the variable.
    """
    for name in ("oauth_issuer", "oauth_resource"):
        variable, url = f"BACKSCROLL_{name.upper()}", getattr(settings, name)
        if not url:
            raise SettingsError(f"{variable} is needed for BACKSCROLL_HTTP_AUTH=oauth.")
        if flaw := flaw_of_address(url, allow_http=settings.allow_http):
            # Drop the text after ": ", because it is advice that applies only to upstreams.
            flaw = flaw.partition(": ")[0]
            raise SettingsError(f"{variable} {flaw}.")
    if settings.oauth_partitions and settings.upstream != STORE.name:
        raise SettingsError("BACKSCROLL_OAUTH_PARTITIONS needs BACKSCROLL_UPSTREAM=store.")


def metadata_url(resource: str) -> str:
    """Return the URL of a protected resource's metadata (RFC 9728, section 3.1)."""
    parts = urlsplit(resource)
    return urlunsplit((parts.scheme, parts.netloc, WELL_KNOWN + parts.path.rstrip("/"), "", ""))


def metadata_routes(settings: Settings) -> list[Route]:
    """Return the routes that serve this server's OAuth metadata (RFC 9728, section 2)."""
    metadata = JSONResponse(
        {
            "resource": settings.oauth_resource,
            "authorization_servers": [settings.oauth_issuer],
            "scopes_supported": list(REQUESTED),
            "bearer_methods_supported": ["header"],
            "resource_name": "Backscroll",
        },
        headers={"Cache-Control": "max-age=3600"},
    )
    for_any_page = CORSMiddleware(
        metadata, allow_origins=["*"], allow_methods=["GET"], allow_headers=["*"]
    )
    paths = {urlsplit(metadata_url(settings.oauth_resource)).path, WELL_KNOWN}
    return [Route(path, for_any_page, methods=["GET", "OPTIONS"]) for path in sorted(paths)]


def _is_name(subject: object) -> bool:
    """Return whether a subject is printable text, so that the log and any database can store it."""
    return isinstance(subject, str) and bool(subject.strip()) and is_plain(subject)


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return a token's scopes from its claim `scope` (RFC 9068, section 2.2.3) or `scp`."""
    claim = claims.get("scope", claims.get("scp", ""))
    words = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else ()
    return frozenset(str(word) for word in words)


def _why(error: exceptions.PyJWTError) -> str:
    """Return a sentence that explains why a token is not valid. It does not quote the token."""
    match error:
        case exceptions.ExpiredSignatureError():
            return "The token has expired."
        case exceptions.ImmatureSignatureError():
            return "The token is not valid yet."
        case exceptions.InvalidAudienceError():
            return "The token was issued for another server."
        case exceptions.InvalidIssuerError():
            return "The token is from another issuer."
        case exceptions.InvalidSubjectError():
            return "The token's sub claim is not printable text."
        case exceptions.MissingRequiredClaimError():
            return f"The token has no {error.claim} claim."
        case _:
            return "The token or its signature is not valid."
