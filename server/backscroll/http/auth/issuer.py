"""An issuer's keys: found by its metadata, kept for a while, and looked for again in time."""

import json
import logging
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import urlsplit, urlunsplit

import anyio
import httpx2
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from backscroll.settings.addresses import flaw_of_address
from backscroll_tools.client.read_body import (
    ACCEPTED,
    BodyTooLargeError,
    BodyUnreadableError,
    read_body,
)
from backscroll_tools.plain import plain

KEEP_S: Final = 3_600.0
"""After how many seconds keys are fetched anew."""

AGAIN_S: Final = 10.0
"""How many seconds lie between two attempts to fetch keys, whoever asks for which."""

STALE_S: Final = 86_400.0
"""For how many seconds keys are believed while the issuer does not answer."""

ANSWER_S: Final = 5.0
"""How many seconds an issuer has to answer one request."""

WAIT_S: Final = 1.0
"""How many seconds a request waits for the keys to be fetched, since its own is not known."""

WAITING: Final = 8
"""How many requests wait so at once: others are answered by what is known."""

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


class SigningKey:
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
    """One issuer, whose keys are fetched by `keep_fresh` alone, one fetch at a time.

    Keys that are known are never waited for.

    Args:
        url: as its tokens have it in `iss`.
        http: asks it; follows no redirect.
        allow_http: whether its keys may be fetched from another machine without TLS.
        keep_s: after how many seconds keys are fetched anew.
        again_s: how many seconds lie between two attempts, whoever asks for which key.
        stale_s: for how many seconds keys are believed that cannot be fetched anew.
    """

    def __init__(  # noqa: PLR0913 - how long is a setting of tests
        self,
        url: str,
        http: httpx2.AsyncClient,
        *,
        allow_http: bool = False,
        keep_s: float = KEEP_S,
        again_s: float = AGAIN_S,
        stale_s: float = STALE_S,
    ) -> None:
        self.url = url
        self._http = http
        self._allow_http = allow_http
        self._keep_s, self._again_s, self._stale_s = keep_s, again_s, stale_s
        self._keys: dict[str, SigningKey] = {}
        self._fetched_at = float("-inf")
        self._failed = False
        self._resting = True
        self._waiting = 0
        self._wanted, self._tried = anyio.Event(), anyio.Event()

    async def key(self, key_id: str) -> SigningKey | None:
        """Return the key with an id, or the only one where the id is empty; None for no such key.

        Raises:
            IssuerError: it is not known whether there is one.
        """
        key = self._known(key_id)
        if key is None:
            is_sure = await self._wait()
            key = self._known(key_id)
            if key is None and (self._failed or not is_sure):
                raise IssuerError(f"{self.url} does not answer with its keys")
        return key

    async def keep_fresh(self) -> None:
        """Fetch the keys when they are old, and when one is asked for that is not among them.

        It begins after a fetch, and goes on until it is cancelled.
        """
        while True:
            self._resting = True
            await anyio.sleep(self._again_s)
            self._resting = False
            with anyio.move_on_after(self._fetched_at + self._keep_s - time.monotonic()):
                await self._wanted.wait()
            self._wanted = anyio.Event()
            try:
                await self.fetch()
            except IssuerError as error:
                _log.warning("keys were not fetched: %s", error)
                self._failed = True
            self._tried.set()
            self._tried = anyio.Event()

    async def fetch(self) -> None:
        """Find the issuer's keys. Those that are known stay where it fails.

        Raises:
            IssuerError: it does not answer, or not with keys that can be used.
        """
        jwks_uri = await self._jwks_uri()
        document = await self._document(jwks_uri)
        jwks = document.get("keys") if document else None
        keys = _usable(jwks) if isinstance(jwks, list) else {}
        if not keys:
            raise IssuerError(f"{self.url} has no keys at {plain(jwks_uri)}")
        self._keys, self._fetched_at, self._failed = keys, time.monotonic(), False

    async def _wait(self) -> bool:
        """Have the keys fetched, and wait a little while; return whether that was tried of late."""
        self._wanted.set()
        if self._resting:
            return True
        if self._waiting >= WAITING:
            return False
        self._waiting += 1
        try:
            with anyio.move_on_after(WAIT_S) as waiting:
                await self._tried.wait()
        finally:
            self._waiting -= 1
        return not waiting.cancelled_caught

    def _known(self, key_id: str) -> SigningKey | None:
        if time.monotonic() - self._fetched_at > self._stale_s:
            return None
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
                    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                        raise IssuerError(f"{url} answers {response.status_code}")
                    body = await read_body(response, DOCUMENT_BYTES)
            document = json.loads(body) if response.status_code == HTTPStatus.OK else None
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


def _usable(jwks: list[Any]) -> dict[str, SigningKey]:
    """Return the keys that can verify a signature, by their ids."""
    keys: dict[str, SigningKey] = {}
    for jwk in jwks:
        if isinstance(jwk, dict) and jwk.get("use", "sig") == "sig":
            try:
                key = SigningKey(jwk)
            except PyJWTError:
                continue  # a kind of key that is not known here: others may do
            if key.algorithms:
                keys[str(jwk.get("kid", ""))] = key
    return keys
