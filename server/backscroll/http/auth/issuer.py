"""Fetches, caches and refreshes the public keys of a token issuer."""

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
from backscroll_tools.client.connections import Connections
from backscroll_tools.client.environment import UnusableVariableError
from backscroll_tools.client.read_body import (
    ACCEPTED,
    BodyTooLargeError,
    BodyUnreadableError,
    read_body,
)
from backscroll_tools.plain import plain

KEEP_S: Final = 3_600.0
"""The age at which keys are fetched again, in seconds."""

AGAIN_S: Final = 10.0
"""The minimum time between two attempts to fetch keys, in seconds."""

STALE_S: Final = 86_400.0
"""If the issuer does not respond, its cached keys are used for this long, in seconds."""

ANSWER_S: Final = 5.0
"""The time limit for one request to the issuer, in seconds."""

WAIT_S: Final = 1.0
"""If a token names an unknown key, its request waits at most this long for the issuer's keys, in
seconds."""

WAITING: Final = 8
"""The maximum number of requests that wait for the issuer's keys. Further requests are refused."""

DOCUMENT_BYTES: Final = 1_048_576

_ALGORITHMS: Final[Mapping[str, tuple[str, ...]]] = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
"""The algorithms that are allowed for each type of public key (RFC 7518, section 6). The type `oct`
is a shared secret. It is not allowed, because a server that can verify with it can also sign."""

_log: Final = logging.getLogger(__name__)


class IssuerError(Exception):
    """The issuer does not respond, or its response cannot be used. The message is one line."""


class SigningKey:
    """A public key of an issuer.

    Attributes:
        value: the key in the form that PyJWT expects; None if its type is not allowed.
        algorithms: the signature algorithms that are allowed with this key.
    """

    def __init__(self, jwk: Mapping[str, Any]) -> None:
        allowed = _ALGORITHMS.get(str(jwk.get("kty")), ())
        if "alg" in jwk:
            allowed = tuple(name for name in allowed if name == jwk["alg"])
        self.algorithms = list(allowed)
        self.value: Any = PyJWK(dict(jwk)).key if allowed else None


class Issuer:
    """A token issuer, with a cache of its keys.

    After the first `fetch`, only `keep_fresh` fetches keys. A request with a known key never waits.

    Args:
        url: the issuer's URL, as in the claim `iss` of its tokens.
        http: the HTTP client, which must not follow redirects.
        allow_http: whether keys may be fetched from another machine without TLS.
        keep_s: the age at which keys are fetched again, in seconds.
        again_s: the minimum time between two attempts to fetch keys, in seconds.
        stale_s: the time for which cached keys are used if the issuer does not respond, in seconds.
    """

    def __init__(  # noqa: PLR0913 - tests set the times
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
        """Return the key with this id; None if no key matches.

        Args:
            key_id: the key's id. If it is empty, and the issuer has only one key, that key matches.

        Raises:
            IssuerError: the key is not cached, and the keys cannot be fetched.
        """
        key = self._known(key_id)
        if key is None:
            is_sure = await self._wait()
            key = self._known(key_id)
            if key is None and (self._failed or not is_sure):
                raise IssuerError(f"the keys of {self.url} cannot be fetched")
        return key

    async def keep_fresh(self) -> None:
        """Fetch the keys again whenever they are old, or a request has an unknown key.

        Start this as a task after the first `fetch`. It runs until it is cancelled.
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
                _log.warning("the issuer's keys could not be fetched: %s", error)
                self._failed = True
            self._tried.set()
            self._tried = anyio.Event()

    async def fetch(self) -> None:
        """Fetch the issuer's keys. If that fails, keep the cached keys.

        Raises:
            IssuerError: the issuer does not respond, or its response has no usable key.
        """
        jwks_uri = await self._jwks_uri()
        document = await self._document(jwks_uri)
        jwks = document.get("keys") if document else None
        keys = _usable(jwks) if isinstance(jwks, list) else {}
        if not keys:
            raise IssuerError(f"{self.url} has no usable keys at {plain(jwks_uri)}")
        self._keys, self._fetched_at, self._failed = keys, time.monotonic(), False

    async def _wait(self) -> bool:
        """Ask `keep_fresh` to fetch the keys, and wait until it has tried.

        If its last attempt was less than `again_s` ago, return at once.

        Returns:
            False if `WAITING` requests wait already, or if the attempt took longer than `WAIT_S`.
        """
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
        for url in metadata_urls(self.url):
            metadata = await self._document(url)
            if metadata is None:
                continue
            if metadata.get("issuer") != self.url:  # RFC 8414, section 3.3
                raise IssuerError(f"{url} describes an issuer other than {self.url}")
            jwks_uri = metadata.get("jwks_uri")
            if not isinstance(jwks_uri, str) or flaw_of_address(
                jwks_uri.partition("?")[0], allow_http=self._allow_http
            ):
                raise IssuerError(f"{url} has no usable jwks_uri")
            return jwks_uri
        raise IssuerError(f"{self.url} does not publish its metadata (RFC 8414)")

    async def _document(self, url: str) -> dict[str, Any] | None:
        """Return the JSON object at a URL, or None if the URL does not return one.

        Raises:
            IssuerError: the URL does not respond, or it returns a server error or unusable JSON.
        """
        try:
            with anyio.fail_after(ANSWER_S):
                async with self._http.stream("GET", url, headers=[ACCEPTED]) as response:
                    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                        raise IssuerError(f"{url} answers with status {response.status_code}")
                    body = await read_body(response, DOCUMENT_BYTES)
            document = json.loads(body) if response.status_code == HTTPStatus.OK else None
        except UnusableVariableError as error:
            raise IssuerError(str(error)) from None
        except (httpx2.HTTPError, TimeoutError) as error:
            raise IssuerError(f"{url} does not answer ({type(error).__name__})") from None
        except (BodyTooLargeError, BodyUnreadableError, ValueError, RecursionError):
            raise IssuerError(f"{url} does not return usable JSON") from None
        return cast("dict[str, Any]", document) if isinstance(document, dict) else None


def asking() -> httpx2.AsyncClient:
    """Return an HTTP client for issuers, which does not follow redirects. The caller closes it.

    Each request uses a new connection. If a connection were reused, extra bytes after one response
    could be taken for the next response.
    """
    return httpx2.AsyncClient(timeout=ANSWER_S, transport=Connections(kept=0))


def metadata_urls(issuer: str) -> tuple[str, ...]:
    """Return the possible URLs of an issuer's metadata, in the order in which they are tried.

    Source: MCP specification, authorization, authorization server metadata discovery.
    """
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")

    def at(new_path: str) -> str:
        return urlunsplit((parts.scheme, parts.netloc, new_path, "", ""))

    oauth, openid = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
    return tuple(dict.fromkeys((at(oauth + path), at(openid + path), at(path + openid))))


def _usable(jwks: list[Any]) -> dict[str, SigningKey]:
    """Return, by id, the keys that can verify signatures."""
    keys: dict[str, SigningKey] = {}
    for jwk in jwks:
        if isinstance(jwk, dict) and jwk.get("use", "sig") == "sig":
            try:
                key = SigningKey(jwk)
            except PyJWTError:
                continue  # PyJWT does not know the type of this key, but other keys may be usable
            if key.algorithms:
                keys[str(jwk.get("kid", ""))] = key
    return keys
