"""A small issuer of tokens on loopback: metadata, keys that rotate, real signatures."""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.loopback import served

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
RESOURCE: Final = "https://mcp.example.com/mcp"
OAUTH: Final = "/.well-known/oauth-authorization-server"
OPENID: Final = "/.well-known/openid-configuration"


@dataclass
class Issuer:
    """An issuer.

    Attributes:
        url: its URL, the `iss` of its tokens.
        keys: its private keys, by id; the public ones are published.
        place: the path of its metadata.
        published: additional keys, published unchanged.
        asked: how many times its keys were requested.
        most: how many requests for its keys it answers before it responds with 500.
        broken: whether it responds with 500 to everything.
        silent: whether it leaves requests for its keys unanswered until `speaks` is set.
        metadata: replaces its own metadata.
        raw: replaces its published keys.
    """

    url: str = ""
    keys: dict[str, PrivateKey] = field(default_factory=dict)
    place: str = OAUTH
    published: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    most: float = math.inf
    broken: bool = False
    silent: bool = False
    speaks: asyncio.Event = field(default_factory=asyncio.Event)
    metadata: dict[str, Any] = field(default_factory=dict)
    raw: str = ""
    _asked: asyncio.Event = field(default_factory=asyncio.Event)

    def sign(
        self,
        *,
        key_id: str = "k1",
        algorithm: str = "ES256",
        key: PrivateKey | str | bytes | None = None,
        **claims: Any,  # noqa: ANN401 - any claim, of any type
    ) -> str:
        """Return a valid token, except for the given claims; None leaves a claim out."""
        now = int(time.time())
        usual = {
            "iss": self.url,
            "sub": "ada",
            "aud": RESOURCE,
            "iat": now,
            "exp": now + 300,
            "scope": "read write",
        }
        given = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        headers = {"kid": key_id, "typ": "at+jwt"}
        signing = key if key is not None else self.keys[key_id]
        return jwt.encode(given, signing, algorithm, headers)

    async def was_asked(self, times: int) -> None:
        """Wait until its keys have been asked for this many times."""
        while self.asked < times:
            await self._asked.wait()

    def describe(self, request: Request) -> Response:
        """Answer with the metadata, or 404 at any other path."""
        if self.broken:
            return Response(status_code=500)
        if request.url.path != self.place:
            return Response(status_code=404)
        return JSONResponse(self.metadata or {"issuer": self.url, "jwks_uri": f"{self.url}/jwks"})

    def sign_raw(self, claims: str, *, header: dict[str, Any] | None = None) -> str:
        """Return a signed token with any text as claims, and any additional header."""
        key = self.keys["k1"]
        return jwt.PyJWS().encode(claims.encode(), key, "ES256", {"kid": "k1", **(header or {})})

    async def publish(self, _: Request) -> Response:
        """Answer with the public keys."""
        self.asked += 1
        self._asked.set()
        self._asked = asyncio.Event()
        if self.silent:
            await self.speaks.wait()
        if self.broken or self.asked > self.most:
            return Response(status_code=500)
        if self.raw:
            return Response(self.raw, media_type="application/json")
        return JSONResponse(
            {"keys": [*(public(*key) for key in self.keys.items()), *self.published]}
        )


def public(key_id: str, key: PrivateKey) -> dict[str, Any]:
    """Return the public part of a key as a JWK."""
    match key:
        case rsa.RSAPrivateKey():
            text = RSAAlgorithm.to_jwk(key.public_key())
        case ec.EllipticCurvePrivateKey():
            text = ECAlgorithm.to_jwk(key.public_key())
        case _:
            text = OKPAlgorithm.to_jwk(key.public_key())
    return {**json.loads(text), "kid": key_id, "use": "sig"}


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a new key."""
    return ec.generate_private_key(ec.SECP256R1())


@asynccontextmanager
async def issuing() -> AsyncIterator[Issuer]:
    """Serve an issuer with one key, `k1`."""
    issuer = Issuer(keys={"k1": new_key()})
    routes = [
        Route("/jwks", issuer.publish),
        Route("/{path:path}", issuer.describe),
    ]
    async with served(Starlette(routes=routes)) as origin:
        issuer.url = origin
        try:
            yield issuer
        finally:
            issuer.speaks.set()
