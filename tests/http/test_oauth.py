"""An OAuth resource server: it accepts only valid tokens of its issuer for itself."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from backscroll.http.auth.issuer import metadata_urls
from backscroll.process.exits import CommandError
from backscroll.settings.parsing import SettingsError
from tests.http.issuer import OAUTH, OPENID, RESOURCE, Issuer, issuing, new_key
from tests.http.serving import (
    ERAS,
    WAIT_S,
    Running,
    call,
    post,
    refusal_of,
    running,
    settings_of,
    text_of,
)
from tests.inventory import NAMES, READERS
from tests.loopback import NO_TLS

METADATA = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"
UNSIGNED = "The token or its signature is not valid."


@asynccontextmanager
async def guarded(
    tmp_path: Path,
    **settings: Any,  # noqa: ANN401 - as Settings
) -> AsyncIterator[tuple[Running, Issuer]]:
    """Yield a server that accepts an issuer's tokens, and the issuer."""
    async with issuing() as issuer:
        given = {"oauth_issuer": issuer.url, "oauth_resource": RESOURCE, **settings}
        async with running(settings_of(tmp_path, http_auth="oauth", **given)) as server:
            yield server, issuer


@pytest.mark.parametrize("era", ERAS)
async def test_a_token_of_the_issuer_is_accepted(era: str, tmp_path: Path) -> None:
    async with guarded(tmp_path) as (server, issuer):
        response = await post(server.url, era=era, token=issuer.sign())
        lists = await post(server.url, era=era, token=issuer.sign(aud=["x", f"{RESOURCE}/"]))
        azure = await post(server.url, era=era, token=issuer.sign(scope=None, scp=["read"]))

    assert response.status_code == lists.status_code == azure.status_code == 200
    assert len(response.json()["result"]["tools"]) == len(NAMES)
    assert len(azure.json()["result"]["tools"]) == len(READERS)


@pytest.mark.parametrize("era", ERAS)
async def test_a_caller_without_a_token_is_told_where_to_get_one(era: str, tmp_path: Path) -> None:
    async with guarded(tmp_path) as (server, issuer):
        refused = await post(server.url, era=era)
        async with httpx2.AsyncClient(verify=NO_TLS, timeout=WAIT_S) as http:
            described = [
                await http.get(f"{server.origin}/.well-known/oauth-protected-resource{path}")
                for path in ("/mcp", "")
            ]

    assert refusal_of(refused) == (401, "A bearer token is required.")
    assert refused.headers["www-authenticate"] == (
        f'Bearer scope="read write", resource_metadata="{METADATA}"'
    )
    assert [response.json() for response in described] == [
        {
            "resource": RESOURCE,
            "authorization_servers": [issuer.url],
            "scopes_supported": ["read", "write"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Backscroll",
        }
    ] * 2


async def test_any_page_may_read_the_resource_metadata(tmp_path: Path) -> None:
    asking = {"origin": "https://any.example", "access-control-request-method": "GET"}
    more = {"access-control-request-headers": "mcp-protocol-version"}
    async with (
        guarded(tmp_path) as (server, _),
        httpx2.AsyncClient(verify=NO_TLS, timeout=WAIT_S) as http,
    ):
        url = f"{server.origin}/.well-known/oauth-protected-resource/mcp"
        asked = await http.options(url, headers=asking | more)
        read = await http.get(url, headers={"origin": "https://any.example"})

    assert asked.status_code == read.status_code == 200
    assert read.headers["access-control-allow-origin"] == "*"


async def test_an_invalid_token_is_refused_with_the_reason(tmp_path: Path) -> None:
    flaws: list[tuple[dict[str, Any], str]] = [
        ({"exp": 1}, "The token has expired."),
        ({"nbf": 9_999_999_999}, "The token is not valid yet."),
        ({"aud": "https://other.example.com/mcp"}, "The token was issued for another server."),
        ({"aud": "https://mcp.example.com"}, "The token was issued for another server."),
        ({"iss": "https://evil.example"}, "The token is from another issuer."),
        ({"exp": None}, "The token has no exp claim."),
        ({"aud": None}, "The token has no aud claim."),
        ({"sub": None}, "The token has no sub claim."),
        ({"key": new_key()}, UNSIGNED),
    ]
    async with guarded(tmp_path) as (server, issuer):
        refused = [await post(server.url, token=issuer.sign(**claims)) for claims, _ in flaws]

    assert [refusal_of(response) for response in refused] == [(401, why) for _, why in flaws]
    assert [response.headers["www-authenticate"] for response in refused] == [
        f'Bearer error="invalid_token", error_description="{why}", '
        f'scope="read write", resource_metadata="{METADATA}"'
        for _, why in flaws
    ]


@pytest.mark.parametrize("era", ERAS)
async def test_a_token_that_is_unsigned_or_signed_with_a_public_key_is_refused(
    era: str, tmp_path: Path
) -> None:
    async with guarded(tmp_path) as (server, issuer):
        good = issuer.sign()
        head, claims, signature = good.split(".")
        key = issuer.keys["k1"]
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        shared = b64({"alg": "HS256", "kid": "k1"})
        tokens = {
            "none": f"{b64({'alg': 'none', 'kid': 'k1'})}.{claims}.",
            "None": f"{b64({'alg': 'None', 'kid': 'k1'})}.{claims}.{signature}",
            "public": f"{shared}.{claims}.{hs256(f'{shared}.{claims}', pem)}",
            "cut": f"{head}.{claims}.",
            "altered": f"{head}.{b64({'sub': 'root'})}.{signature}",
            "words": "not a token",
            "embedded": f"{b64({'alg': 'ES256', 'jwk': {'kty': 'oct', 'k': ''}})}.{claims}.x",
        }
        refused = {
            name: refusal_of(await post(server.url, era=era, token=token))
            for name, token in tokens.items()
        }

    assert refused == dict.fromkeys(tokens, (401, UNSIGNED))


async def test_a_shared_secret_among_the_keys_verifies_nothing(tmp_path: Path) -> None:
    secret = b"0123456789abcdef0123456789abcdef"
    k = base64.urlsafe_b64encode(secret).decode().rstrip("=")
    async with guarded(tmp_path) as (server, issuer):
        issuer.published = [{"kty": "oct", "kid": "k2", "k": k, "alg": "HS256"}, {"kty": "?"}]
        token = issuer.sign(key_id="k2", algorithm="HS256", key=secret)
        response = await post(server.url, token=token)

    assert refusal_of(response) == (401, UNSIGNED)


async def test_only_the_scope_admin_offers_the_objects_of_the_organization(tmp_path: Path) -> None:
    upstream = {"upstream": "openai", "base_url": "http://127.0.0.1:9/v1", "api_key": "k"}
    async with guarded(tmp_path, **upstream, admin_key="a", toolsets=("api",)) as (server, issuer):
        listings = [
            await post(server.url, token=issuer.sign(scope=scope))
            for scope in ("read admin", "read")
        ]

    assert ['"audit_logs"' in listing.text for listing in listings] == [True, False]


async def test_a_token_without_the_scope_is_refused(tmp_path: Path) -> None:
    async with guarded(tmp_path) as (server, issuer):
        none = await post(server.url, token=issuer.sign(scope="openid"))
        token = issuer.sign(scope="read")
        refused = await call(server.url, "create-message", token, role="user", content="x")

    assert refusal_of(none) == (403, "The token lacks the scope read.")
    assert none.headers["www-authenticate"] == (
        'Bearer error="insufficient_scope", '
        'error_description="The token lacks the scope read.", scope="read", '
        f'resource_metadata="{METADATA}"'
    )
    assert text_of(refused).startswith("read_only: ")


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (rsa.generate_private_key(65_537, 2_048), "RS256"),
        (rsa.generate_private_key(65_537, 2_048), "PS256"),
        (ec.generate_private_key(ec.SECP384R1()), "ES384"),
        (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_every_usual_kind_of_signature_is_verified(
    key: Any,  # noqa: ANN401 - one of several kinds
    algorithm: str,
    tmp_path: Path,
) -> None:
    async with issuing() as issuer:
        issuer.keys = {"k1": key}
        settings = settings_of(
            tmp_path, http_auth="oauth", oauth_issuer=issuer.url, oauth_resource=RESOURCE
        )
        async with running(settings) as server:
            response = await post(server.url, token=issuer.sign(algorithm=algorithm))

    assert response.status_code == 200


async def test_each_caller_can_have_its_own_partition_of_the_store(tmp_path: Path) -> None:
    async with guarded(tmp_path, oauth_partitions=True) as (server, issuer):
        ada, bob = issuer.sign(sub="ada"), issuer.sign(sub="bob")
        written = await call(server.url, "create-message", ada, role="user", content="mine")
        thread_id = written["structuredContent"]["thread_id"]
        hers = await call(server.url, "list-messages", ada, thread_id=thread_id)
        his = await call(server.url, "list-messages", bob, thread_id=thread_id)
        again = await call(
            server.url, "list-messages", issuer.sign(sub="ada", iat=1), thread_id=thread_id
        )

    assert hers["structuredContent"]["page"]["returned"] == 1
    assert again["structuredContent"] == hers["structuredContent"]
    assert text_of(his).startswith(f"not_found: No thread found with id '{thread_id}'.")


@pytest.mark.parametrize("place", [OAUTH, OPENID])
async def test_an_issuer_is_found_through_either_kind_of_metadata(
    place: str, tmp_path: Path
) -> None:
    async with issuing() as issuer:
        issuer.place = place
        settings = settings_of(
            tmp_path, http_auth="oauth", oauth_issuer=issuer.url, oauth_resource=RESOURCE
        )
        async with running(settings) as server:
            response = await post(server.url, token=issuer.sign())

    assert response.status_code == 200


def test_an_issuer_with_a_path_is_looked_for_where_the_specification_says() -> None:
    assert metadata_urls("https://id.example.com/tenant1") == (
        "https://id.example.com/.well-known/oauth-authorization-server/tenant1",
        "https://id.example.com/.well-known/openid-configuration/tenant1",
        "https://id.example.com/tenant1/.well-known/openid-configuration",
    )
    assert metadata_urls("https://id.example.com") == (
        "https://id.example.com/.well-known/oauth-authorization-server",
        "https://id.example.com/.well-known/openid-configuration",
    )


@pytest.mark.parametrize(
    ("metadata", "broken", "end"),
    [
        ({}, True, "/.well-known/oauth-authorization-server answers with status 500"),
        ({"issuer": "https://evil.example"}, False, " describes an issuer other than "),
        ({"jwks_uri": "http://a.example/jwks"}, False, " has no usable jwks_uri"),
    ],
)
async def test_an_issuer_that_cannot_be_used_stops_the_start_in_one_line(
    metadata: dict[str, Any], broken: bool, end: str, tmp_path: Path
) -> None:
    async with issuing() as issuer:
        issuer.broken, issuer.metadata = broken, {"issuer": issuer.url, **metadata}
        if not metadata:
            issuer.metadata = {}
        settings = settings_of(
            tmp_path, http_auth="oauth", oauth_issuer=issuer.url, oauth_resource=RESOURCE
        )
        with pytest.raises(CommandError) as refused:
            async with running(settings):
                pass

    assert str(refused.value).startswith(f"BACKSCROLL_OAUTH_ISSUER: {issuer.url}")
    assert end in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_an_unreachable_issuer_stops_the_start_in_one_line(tmp_path: Path) -> None:
    async with issuing() as issuer:
        url = issuer.url
    settings = settings_of(tmp_path, http_auth="oauth", oauth_issuer=url, oauth_resource=RESOURCE)
    with pytest.raises(CommandError) as refused:
        async with running(settings):
            pass

    assert (
        str(refused.value)
        == f"BACKSCROLL_OAUTH_ISSUER: {url}{OAUTH} does not answer (ConnectError)"
    )


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({}, "BACKSCROLL_OAUTH_ISSUER is needed for BACKSCROLL_HTTP_AUTH=oauth."),
        (
            {"oauth_issuer": "https://id.example.com"},
            "BACKSCROLL_OAUTH_RESOURCE is needed for BACKSCROLL_HTTP_AUTH=oauth.",
        ),
        (
            {"oauth_issuer": "http://id.example.com", "oauth_resource": RESOURCE},
            "BACKSCROLL_OAUTH_ISSUER must use https.",
        ),
        (
            {"oauth_issuer": "id.example.com", "oauth_resource": RESOURCE},
            "BACKSCROLL_OAUTH_ISSUER must start with https:// (or http://) and contain a host.",
        ),
        (
            {
                "oauth_issuer": "https://id.example.com",
                "oauth_resource": RESOURCE,
                "oauth_partitions": True,
                "upstream": "openai",
                "api_key": "k",
            },
            "BACKSCROLL_OAUTH_PARTITIONS needs BACKSCROLL_UPSTREAM=store.",
        ),
    ],
)
async def test_settings_of_oauth_that_cannot_be_used_stop_the_start(
    settings: dict[str, Any], line: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError) as refused:
        async with running(settings_of(tmp_path, http_auth="oauth", **settings)):
            pass

    assert str(refused.value) == line


def b64(value: object) -> str:
    raw = json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def hs256(signed: str, key: bytes) -> str:
    """Return the signature made with a public key as if it were a shared secret."""
    import hashlib
    import hmac

    digest = hmac.new(key, signed.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
