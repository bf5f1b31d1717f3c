"""Which tokens are accepted while an issuer rotates its keys, fails, is silent or lies."""

import asyncio
import contextlib
import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.from_thread
import anyio.to_thread
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backscroll.http.auth.issuer import WAITING, Issuer, IssuerError
from backscroll.http.auth.oauth import OAuthCallers
from backscroll.http.refusals import RefusedError
from backscroll.process.exits import CommandError
from backscroll_tools.plain import is_plain
from tests.http.issuer import RESOURCE, issuing, new_key
from tests.http.issuer import Issuer as Issuing
from tests.http.serving import WAIT_S, running, settings_of
from tests.loopback import NO_TLS

LONG_S = 1_000.0
UNSIGNED = "The token or its signature is not valid."
SILENT = "The token issuer does not answer. Try again in 10 s."
NO_NAME = "The token's sub claim is not printable text."


@asynccontextmanager
async def known(
    *, keep_s: float = LONG_S, again_s: float = 0.0, stale_s: float = LONG_S
) -> AsyncIterator[tuple[OAuthCallers, Issuing]]:
    """Yield the callers of an issuer, and the issuer; by default nothing delays a new fetch."""
    async with issuing() as issuing_, httpx2.AsyncClient(verify=NO_TLS, timeout=WAIT_S) as http:
        issuer = Issuer(issuing_.url, http, keep_s=keep_s, again_s=again_s, stale_s=stale_s)
        await issuer.fetch()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(issuer.keep_fresh)
            for _ in range(5):
                await asyncio.sleep(0)  # let the pause of no length pass
            yield OAuthCallers(issuer, RESOURCE, partitions=False), issuing_
            tasks.cancel_scope.cancel()


async def outcome(callers: OAuthCallers, token: str) -> str | tuple[int, str]:
    """Return the caller of a token, or the token's refusal."""
    try:
        return (await callers.caller(f"Bearer {token}")).name
    except RefusedError as refused:
        return refused.status, str(refused)


async def test_a_rotated_key_is_fetched() -> None:
    async with known() as (callers, issuer):
        old = issuer.sign()
        issuer.keys = {"k2": new_key()}
        followed = await outcome(callers, issuer.sign(key_id="k2"))
        taken_back = await outcome(callers, old)

    assert (followed, taken_back) == ("ada", (401, UNSIGNED))


async def test_keys_are_not_asked_for_too_often() -> None:
    async with known(again_s=LONG_S) as (callers, issuer):
        made_up = [
            await outcome(callers, issuer.sign(key_id=f"x{number}", key=new_key()))
            for number in range(5)
        ]
        asked = issuer.asked

    assert made_up == [(401, UNSIGNED)] * 5
    assert asked == 1


async def test_keys_are_refreshed_without_a_request() -> None:
    async with known(keep_s=0.0) as (_, issuer), asyncio.timeout(WAIT_S):
        await issuer.was_asked(3)


@pytest.mark.parametrize(
    "published", [[], [{"kty": "oct", "k": "AAAA", "kid": "k1"}], [{"kty": "RSA", "kid": "k1"}]]
)
async def test_a_key_set_without_a_usable_key_leaves_the_known_keys(
    published: list[dict[str, Any]],
) -> None:
    async with known() as (callers, issuer):
        good = issuer.sign()
        unknown = issuer.sign(key_id="k2", key=new_key())
        issuer.keys, issuer.published = {}, published
        first = await outcome(callers, unknown)
        outcomes = [await outcome(callers, good) for _ in range(3)]

    assert first == (503, SILENT)
    assert outcomes == ["ada"] * 3


async def test_a_server_whose_issuer_has_no_key_does_not_start(tmp_path: Any) -> None:  # noqa: ANN401 - a path
    async with issuing() as issuer:
        issuer.keys = {}
        given = {"oauth_issuer": issuer.url, "oauth_resource": RESOURCE}
        with pytest.raises(CommandError) as refused:
            async with running(settings_of(tmp_path, http_auth="oauth", **given)):
                pass

    line = f"BACKSCROLL_OAUTH_ISSUER: {issuer.url} has no usable keys at {issuer.url}/jwks"
    assert str(refused.value) == line


async def test_while_the_issuer_is_down_known_keys_work_and_unknown_ones_get_503() -> None:
    async with known(keep_s=0.0) as (callers, issuer):
        issuer.broken = True
        good, unknown = issuer.sign(), issuer.sign(key_id="k2", key=new_key())
        outcomes = [await outcome(callers, token) for token in (good, unknown, good)]

    assert outcomes == ["ada", (503, SILENT), "ada"]


async def test_keys_that_are_too_old_are_not_trusted_until_they_are_fetched_again() -> None:
    async with known(stale_s=0.0, again_s=LONG_S) as (callers, issuer):
        too_old = await outcome(callers, issuer.sign())
    async with known(stale_s=0.0) as (callers, issuer):
        issuer.broken = True
        failed = await outcome(callers, issuer.sign())

    assert too_old == (401, UNSIGNED)
    assert failed == (503, SILENT)


async def test_a_silent_issuer_does_not_delay_a_token_whose_key_is_known() -> None:
    async with known() as (callers, issuer):
        issuer.silent = True
        good = issuer.sign()
        unknown = [issuer.sign(key_id=f"x{number}", key=new_key()) for number in range(50)]
        ended: list[str | tuple[int, str]] = []

        async def ask(token: str) -> None:
            ended.append(await outcome(callers, token))

        async with asyncio.timeout(WAIT_S), anyio.create_task_group() as tasks:
            for token in unknown:
                tasks.start_soon(ask, token)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            at_once = list(ended)
            let_in = [await outcome(callers, good) for _ in range(100)]
            during = list(ended)
        asked = issuer.asked

    assert at_once == during == [(503, SILENT)] * (len(unknown) - WAITING)
    assert let_in == ["ada"] * 100
    assert ended == [(503, SILENT)] * len(unknown)
    assert asked == 2


async def test_requests_that_wait_for_a_new_key_share_one_fetch() -> None:
    async with known() as (callers, issuer):
        issuer.keys["k2"] = new_key()
        issuer.silent = True
        token = issuer.sign(key_id="k2")
        async with asyncio.timeout(WAIT_S), anyio.create_task_group() as tasks:
            outcomes: list[str | tuple[int, str]] = []

            async def ask() -> None:
                outcomes.append(await outcome(callers, token))

            for _ in range(WAITING):
                tasks.start_soon(ask)
            await issuer.was_asked(2)
            issuer.speaks.set()
        asked = issuer.asked

    assert outcomes == ["ada"] * WAITING
    assert asked == 2


@pytest.mark.parametrize(
    "subject",
    ["", " ", "\ud800", "a\udfff", "\x00", "a\x1b[2J", "a\nb", "\u202eada", "a\u2028b", "\x85"],
)
async def test_a_subject_without_visible_text_is_refused(subject: str) -> None:
    async with known() as (callers, issuer):
        refused = await outcome(callers, issuer.sign(sub=subject))

    assert refused == (401, NO_NAME)


TEXTS = st.one_of(
    st.text(st.characters(), max_size=20),
    st.sampled_from(["", "k1", "\ud800", "\x00", "\x1b]0;x\x07", "\u202e", "x" * 10_000, RESOURCE]),
)
NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([math.inf, -math.inf, math.nan, 10**400, -(10**400), 2**63, 1e308]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
CLAIMS = st.dictionaries(
    st.sampled_from(
        ["iss", "sub", "aud", "exp", "nbf", "iat", "scope", "scp", "client_id", "jti", "azp", "act"]
    ),
    VALUES,
    max_size=6,
)
HEADERS = st.dictionaries(st.sampled_from(["kid", "typ", "crit", "jwk", "x5u", "cty"]), VALUES)


def is_understood(callers: OAuthCallers, token: str) -> bool:
    """Whether a token is accepted with a readable name, or refused with 401 or 403."""
    try:
        caller = anyio.from_thread.run(callers.caller, f"Bearer {token}")
    except RefusedError as refused:
        said = "".join(refused.headers.values())
        return refused.status in {401, 403} and said.isascii() and said.isprintable()
    return is_plain(caller.name) and bool(caller.name.strip())


async def test_any_claims_are_either_accepted_or_refused() -> None:
    async with known(again_s=LONG_S) as (callers, issuer):

        @settings(deadline=None)
        @given(CLAIMS, HEADERS)
        def holds(claims: dict[str, object], header: dict[str, object]) -> None:
            usual = {"iss": issuer.url, "sub": "ada", "aud": RESOURCE, "exp": 9_999_999_999}
            usual["scope"] = "read"
            try:
                token = issuer.sign_raw(json.dumps({**usual, **claims}), header=header)
            except Exception:  # noqa: BLE001 - the library cannot sign it, so there is no token
                return
            assert is_understood(callers, token)

        await anyio.to_thread.run_sync(holds)


async def test_any_text_as_a_token_is_either_accepted_or_refused() -> None:
    async with known(again_s=LONG_S) as (callers, issuer):
        good = issuer.sign()
        parts = st.sampled_from([*good.split("."), "", "W1tbW1tbW1s", "e30", "bnVsbA", "\xff"])
        deep = "W1tb" * 3_000

        @settings(deadline=None)
        @given(st.lists(parts, max_size=5).map(".".join) | st.just(f"{deep}.{deep}.x"))
        def holds(token: str) -> None:
            assert is_understood(callers, token)

        await anyio.to_thread.run_sync(holds)


async def test_any_key_set_is_either_accepted_or_refused() -> None:
    names = st.sampled_from(["kty", "kid", "use", "alg", "crv", "n", "e", "x", "y", "k", "d"])
    kinds = st.sampled_from(["RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "AQAB", "ES256", "sig"])
    keys = st.lists(st.dictionaries(names, kinds | VALUES) | VALUES, max_size=3)
    async with issuing() as issuing_, httpx2.AsyncClient(verify=NO_TLS, timeout=WAIT_S) as http:
        issuing_.keys = {}
        issuer = Issuer(issuing_.url, http)

        @settings(deadline=None, max_examples=25)
        @given(keys)
        def holds(published: list[Any]) -> None:
            issuing_.raw = json.dumps({"keys": published})
            with contextlib.suppress(IssuerError):
                anyio.from_thread.run(issuer.fetch)

        await anyio.to_thread.run_sync(holds)
