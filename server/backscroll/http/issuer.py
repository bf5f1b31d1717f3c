"""An issuer's keys: found by its metadata, kept for a while, and looked for again in time."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, cast
from urllib.parse import urlsplit, urlunsplit

import anyio
import httpx2
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from backscroll.addresses import flaw_of_address
from backscroll_tools.client.bodies import (
    ACCEPTED,
    BodyTooLargeError,
    BodyUnreadableError,
    read_body,
)

KEEP_S: Final = 3_600.0
"""After how many seconds keys are fetched anew."""

AGAIN_S: Final = 10.0
"""How many seconds lie between two attempts to fetch keys, whoever asks for which."""

STALE_S: Final = 86_400.0
"""For how many seconds keys are believed while the issuer does not answer."""

ANSWER_S: Final = 5.0
"""How many seconds an issuer has to answer one request."""

DOCUMENT_BYTES: Final = 1_048_576

_ALGORITHMS: Final[Mapping[str, tuple[str, ...]]] = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
"""What a key may be used for, by its kind (RFC 7518, section 6): a public key verifies, and a
shared secret, `oct`, never does."""

_log: Final = logging.getLogger(__name__)


class IssuerError(Exception):
    """An issuer that does not answer, or answers what cannot be used; in one line."""


class Key:
    """A public key of an issuer.

    Attributes:
        value: the key, as PyJWT takes it.
        algorithms: those that a signature by it may have.
    """

    def __init__(self, jwk: Mapping[str, Any]) -> None:
        allowed = _ALGORITHMS.get(str(jwk.get("kty")), ())
        if "alg" in jwk:
            allowed = tuple(name for name in allowed if name == jwk["alg"])
        self.algorithms = list(allowed)
        self.value: Any = PyJWK(dict(jwk)).key if allowed else None


class Issuer:
    """One issuer.

    Args:
        url: as its tokens have it in `iss`.
        http: asks it; follows no redirect.
        allow_http: whether its keys may be fetched from another machine without TLS.
        clock: tells the time in seconds.
    """

    def __init__(
        self,
        url: str,
        http: httpx2.AsyncClient,
        *,
        allow_http: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url
        self._http = http
        self._allow_http = allow_http
        self._clock = clock
        self._fetching = anyio.Lock()
        self._keys: dict[str, Key] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._failure = ""

    async def key(self, key_id: str) -> Key | None:
        """Return the key with an id, or the only one where the id is empty; None for no such key.

        Raises:
            IssuerError: it is not known whether there is one.
        """
        if self._clock() - self._fetched_at > KEEP_S or self._known(key_id) is None:
            async with self._fetching:
                await self._refresh(key_id)
        return self._known(key_id)

    async def fetch(self) -> None:
        """Find the issuer's keys.

        Raises:
            IssuerError: it does not answer, or not with keys.
        """
        self._tried_at = self._clock()
        jwks_uri = await self._jwks_uri()
        document = await self._document(jwks_uri)
        jwks = document.get("keys") if document else None
        if not isinstance(jwks, list):
            raise IssuerError(f"{self.url} has no keys at {jwks_uri}")
        self._keys = _usable(jwks)
        self._fetched_at = self._clock()
        self._failure = ""

    async def _refresh(self, key_id: str) -> None:
        """Fetch the keys where that may help and is not too soon; others may just have done so."""
        now = self._clock()
        fresh = now - self._fetched_at <= KEEP_S
        if fresh and self._known(key_id) is not None:
            return
        if now - self._tried_at >= AGAIN_S:
            try:
                await self.fetch()
            except IssuerError as error:
                _log.warning("keys were not fetched: %s", error)
                self._failure = str(error)
                if now - self._fetched_at > STALE_S:
                    self._keys = {}
        if self._failure and self._known(key_id) is None:
            raise IssuerError(self._failure)

    def _known(self, key_id: str) -> Key | None:
        if not key_id and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    async def _jwks_uri(self) -> str:
        for place in places(self.url):
            metadata = await self._document(place)
            if metadata is None:
                continue
            if metadata.get("issuer") != self.url:  # RFC 8414, section 3.3
                raise IssuerError(f"{place} describes another issuer than {self.url}")
            jwks_uri = metadata.get("jwks_uri")
            if not isinstance(jwks_uri, str) or flaw_of_address(
                jwks_uri.partition("?")[0], allow_http=self._allow_http
            ):
                raise IssuerError(f"{place} names no jwks_uri that can be used")
            return jwks_uri
        raise IssuerError(f"{self.url} does not say where its keys are (RFC 8414)")

    async def _document(self, url: str) -> dict[str, Any] | None:
        """Return a JSON object, or None where there is none at an address."""
        try:
            with anyio.fail_after(ANSWER_S):
                async with self._http.stream("GET", url, headers=[ACCEPTED]) as response:
                    if response.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
                        raise IssuerError(f"{url} answers {response.status_code}")
                    body = await read_body(response, DOCUMENT_BYTES)
            document = json.loads(body) if response.is_success else None
        except (httpx2.HTTPError, TimeoutError) as error:
            raise IssuerError(f"{url} does not answer ({type(error).__name__})") from None
        except (BodyTooLargeError, BodyUnreadableError, ValueError, RecursionError):
            raise IssuerError(f"{url} answers with something else than JSON") from None
        return cast("dict[str, Any]", document) if isinstance(document, dict) else None


def asking() -> httpx2.AsyncClient:
    """Return what asks issuers; the caller closes it. It follows no redirect.

    No connection is kept: on one that was, what an issuer sent too much could pass for its keys.
    """
    return httpx2.AsyncClient(timeout=ANSWER_S, limits=httpx2.Limits(max_keepalive_connections=0))


def places(issuer: str) -> tuple[str, ...]:
    """Return where an issuer's metadata may be, in the order in which to look.

    Source: MCP specification, authorization, authorization server metadata discovery.
    """
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")

    def at(whole: str) -> str:
        return urlunsplit((parts.scheme, parts.netloc, whole, "", ""))

    oauth, openid = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
    return tuple(dict.fromkeys((at(oauth + path), at(openid + path), at(path + openid))))


def _usable(jwks: list[Any]) -> dict[str, Key]:
    """Return the keys that can verify a signature, by their ids."""
    keys: dict[str, Key] = {}
    for jwk in jwks:
        if isinstance(jwk, dict) and jwk.get("use", "sig") == "sig":
            try:
                key = Key(jwk)
            except PyJWTError:
                continue  # a kind of key that is not known here: others may do
            if key.algorithms:
                keys[str(jwk.get("kid", ""))] = key
    return keys
