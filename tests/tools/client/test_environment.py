"""A variable of the environment that cannot be used is named, and stops nothing else."""

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import httpx2
import openai
import pytest

from backscroll.http.auth.issuer import Issuer, IssuerError, asking
from backscroll.settings.model import Settings
from backscroll.store.app import open_store
from backscroll.store.search.embeddings import Embeddings, EmbeddingsError, Endpoint
from backscroll.upstream.connection import UpstreamConnection, upstream_of
from backscroll_tools.client.environment import UnusableVariableError, proxy_of
from backscroll_tools.errors import ToolError
from tests.faults.upstream import call
from tests.store.recorder.raw_models import raw_model, sends
from tests.store.recorder.recording import recording_of, responded

SECRET = "p4ss"
ELSEWHERE = "http://elsewhere.invalid/v1"
SOCKS = f"socks5://ada:{SECRET}@127.0.0.1:9"
UNUSABLE = "The proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names cannot be used: "
WITHOUT_SOCKS = (
    f"{UNUSABLE}for SOCKS, the Python package socksio must be installed. Change that variable, or "
    "except the host with NO_PROXY."
)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no proxy but those that a test sets."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize("address", ["http://proxy.invalid:3128", "proxy.invalid:3128"])
def test_a_proxy_is_used_unless_the_host_is_excepted(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("all_proxy", address)
    found = proxy_of(httpx2.URL(ELSEWHERE))
    monkeypatch.setenv("no_proxy", "elsewhere.invalid")
    assert (found and found.url, proxy_of(httpx2.URL(ELSEWHERE))) == (
        httpx2.URL("http://proxy.invalid:3128"),
        None,
    )


@pytest.mark.parametrize("address", [f"ftp://ada:{SECRET}@x", f"ada:{SECRET}:9:9", "http://x:y"])
def test_an_address_that_is_none_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("all_proxy", address)
    with pytest.raises(UnusableVariableError) as refused:
        proxy_of(httpx2.URL(ELSEWHERE))
    assert str(refused.value) == (
        f"{UNUSABLE}its address is not one of http, https or socks5. Change that variable, or "
        "except the host with NO_PROXY."
    )


def test_a_socks_proxy_is_used_if_what_it_needs_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Installed:
        """Finds the package that is missing here."""

        @staticmethod
        def find_spec(name: str, *_: object) -> ModuleSpec | None:
            return ModuleSpec(name, None) if name == "socksio" else None

    monkeypatch.setattr(sys, "meta_path", [Installed, *sys.meta_path])
    monkeypatch.setenv("all_proxy", SOCKS)
    found = proxy_of(httpx2.URL(ELSEWHERE))
    assert found is not None
    assert found.url == httpx2.URL("socks5://127.0.0.1:9")


async def test_a_tool_says_what_the_operator_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", SOCKS)
    settings = Settings(upstream="compatible", base_url=ELSEWHERE, api_key="sk-1", database="")
    async with UpstreamConnection(settings, upstream_of(settings)) as connection:
        outcome = await call(
            await connection.client(), "list-messages", {"thread_id": "thread_1"}, 20
        )
    assert isinstance(outcome, ToolError)
    assert (outcome.code, outcome.message) == ("upstream_unavailable", WITHOUT_SOCKS)


async def test_a_search_by_meaning_falls_back_to_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", SOCKS)
    async with open_store("sqlite://", endpoint=Endpoint(ELSEWHERE, "m")) as store:
        transport = httpx2.ASGITransport(app=store.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://store/v1") as http:
            item = {"type": "message", "role": "user", "content": "A refund."}
            await http.post("/conversations", json={"items": [item]})
            found = (await http.get("/search", params={"query": "refund"})).json()
    assert [hit["excerpt"]["text"] for hit in found["data"]] == ["A refund."]


async def test_an_endpoint_of_embeddings_and_an_issuer_fail_with_the_same_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("all_proxy", SOCKS)
    async with asking() as http:
        with pytest.raises(EmbeddingsError) as of_embeddings:
            await Embeddings(Endpoint(ELSEWHERE, "m"), http).vectors(["a"], 20.0)
        issuer = Issuer("http://elsewhere.invalid", http, allow_http=True)
        with pytest.raises(IssuerError) as of_issuer:
            await issuer.fetch()
    assert str(of_embeddings.value) == WITHOUT_SOCKS
    assert str(of_issuer.value) == WITHOUT_SOCKS


async def test_the_recorder_says_it_to_its_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    async with recording_of(ELSEWHERE) as client:
        monkeypatch.setenv("all_proxy", SOCKS)
        with pytest.raises(openai.InternalServerError) as failed:
            await responded(client, input="Hello")
    assert failed.value.code == "model_server_unreachable"
    assert failed.value.message == f"Error code: 502 - {WITHOUT_SOCKS}"


async def test_a_proxy_that_refuses_leaves_the_model_server_unreached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    async with (
        raw_model(sends(refusal)) as proxy,
        recording_of("https://elsewhere.invalid/v1") as client,
    ):
        monkeypatch.setenv("https_proxy", proxy.removesuffix("/v1"))
        with pytest.raises(openai.InternalServerError) as failed:
            await responded(client, input="Hello")
    assert failed.value.code == "model_server_unreachable"
    assert failed.value.message == (
        "Error code: 502 - The model server cannot be reached. Nothing was sent to it. Try again "
        "later."
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [(None, "there is no such file"), ("no certificate", "it has no certificates in PEM format")],
)
async def test_certificates_that_cannot_be_read_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, why: str
) -> None:
    file = tmp_path / "certificates.pem"
    if text is not None:
        file.write_text(text)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    url = "https://elsewhere.invalid/v1"
    settings = Settings(upstream="compatible", base_url=url, api_key="sk-1", database="")
    async with UpstreamConnection(settings, upstream_of(settings)) as connection:
        client = await connection.client()
        outcome = await call(client, "list-messages", {"thread_id": "thread_1"}, 20)
    assert isinstance(outcome, ToolError)
    assert (outcome.code, outcome.message) == (
        "upstream_unavailable",
        f"The file that SSL_CERT_FILE names cannot be used: {why}. Change that variable.",
    )
