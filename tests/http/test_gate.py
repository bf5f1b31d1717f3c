"""Which names a server answers to, and which pages may call it."""

from pathlib import Path

import httpx2
import pytest

from backscroll.http.auth import access
from backscroll.process.exits import CommandError
from backscroll.settings.model import Settings
from tests.http.serving import ERAS, WAIT_S, post, refusal_of, running, settings_of
from tests.loopback import NO_TLS

EXPOSED = {
    "http_auth": "token",
    "allowed_hosts": ("mcp.example.com",),
    "allowed_origins": ("https://app.example.com",),
}
HOST = "The Host header is not allowed: see BACKSCROLL_ALLOWED_HOSTS."
ORIGIN = "The Origin header is not allowed: see BACKSCROLL_ALLOWED_ORIGINS."


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.1", "localhost"), ("0.0.0.0", "mcp.example.com")],  # noqa: S104 - what it would listen on
)
async def test_foreign_hosts_and_origins_are_refused_on_every_bind_address(
    era: str, host: str, own: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, **(EXPOSED if host == "0.0.0.0" else {}))  # noqa: S104 - likewise
    async with running(settings, host) as server:
        token = await server.token()
        ours = await post(server.url, era=era, token=token, more={"host": own})
        other = [
            await post(server.url, era=era, token=token, more={"host": name})
            for name in (
                "evil.example",
                f"{own}.evil.example",
                f"evil.{own}",
                f"{own}@evil.example",
            )
        ]
        pages = [
            await post(server.url, era=era, token=token, more={"host": own, "origin": origin})
            for origin in ("https://evil.example", f"https://{own}.evil.example", "null", "")
        ]

    assert ours.status_code == 200
    assert [refusal_of(response) for response in other] == [(421, HOST)] * 4
    assert [refusal_of(response) for response in pages] == [(403, ORIGIN)] * 4


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]", "[::1]:9"])
async def test_a_loopback_server_answers_to_its_names_with_and_without_a_port(
    name: str, tmp_path: Path
) -> None:
    async with running(settings_of(tmp_path)) as server:
        response = await post(server.url, more={"host": name, "origin": f"http://{name}"})

    assert response.status_code == 200


async def test_an_allowed_page_gets_cors_headers_for_what_it_needs(tmp_path: Path) -> None:
    origin = EXPOSED["allowed_origins"][0]
    async with running(settings_of(tmp_path, **EXPOSED)) as server:
        asking = {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization, mcp-protocol-version, mcp-method",
        }
        async with httpx2.AsyncClient(verify=NO_TLS, timeout=WAIT_S) as http:
            asked = await http.options(server.url, headers=asking)
            foreign = await http.options(server.url, headers=asking | {"origin": "https://e.vil"})
        refused = await post(server.url, more={"origin": origin})

    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == origin
    assert foreign.status_code == 403
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == origin
    assert "WWW-Authenticate" in refused.headers["access-control-expose-headers"]


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
async def test_a_page_may_send_every_header_and_method_that_a_client_sends(
    method: str, tmp_path: Path
) -> None:
    sent = (
        "Accept, Authorization, baggage, Content-Type, Last-Event-ID, MCP-Protocol-Version, "
        "Mcp-Method, Mcp-Name, Mcp-Session-Id, traceparent, tracestate, X-Request-Id"
    )
    origin = "http://localhost:6274"
    asking = {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": sent.lower(),
    }
    async with (
        running(settings_of(tmp_path)) as server,
        httpx2.AsyncClient(verify=NO_TLS, timeout=WAIT_S) as http,
    ):
        asked = await http.options(server.url, headers=asking)
        answered = await http.request(method, server.url, headers={"origin": origin})

    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == origin
    assert method in asked.headers["access-control-allow-methods"]
    assert answered.status_code == (400 if method == "POST" else 405)
    assert answered.headers["access-control-allow-origin"] == origin


def test_a_host_with_a_port_matches_only_that_port_and_without_one_any() -> None:
    settings = Settings(
        http_auth="token",
        allowed_hosts=("a.example:8443", "b.example", "c.example:*", "[2001:db8::1]"),
        allowed_origins=("none",),
    )
    allowed = access.allowed(settings, "::")

    def let_in(*names: str) -> list[bool]:
        return [allowed.hosts.fullmatch(name) is not None for name in names]

    assert (
        let_in("a.example:8443", "b.example", "b.example:1", "c.example", "c.example:2")
        == [True] * 5
    )
    assert let_in("[2001:db8::1]", "[2001:db8::1]:5") == [True] * 2
    assert let_in("a.example", "a.example:1", "b.example:x", "bxexample", "") == [False] * 5
    assert allowed.origins.fullmatch("https://b.example") is None


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            Settings(),
            (
                "--host 0.0.0.0 lets other machines call: set BACKSCROLL_HTTP_AUTH=token or oauth, "
                "BACKSCROLL_ALLOWED_HOSTS, BACKSCROLL_ALLOWED_ORIGINS ('none' if no web page "
                "may call); or use --host 127.0.0.1"
            ),
        ),
        (
            Settings(http_auth="token", allowed_hosts=("a.example",)),
            (
                "--host 0.0.0.0 lets other machines call: set BACKSCROLL_ALLOWED_ORIGINS ('none' "
                "if no web page may call); or use --host 127.0.0.1"
            ),
        ),
        (
            Settings(http_auth="token", allowed_hosts=("*",), allowed_origins=("none",)),
            "BACKSCROLL_ALLOWED_HOSTS must look like example.com, not '*'",
        ),
        (
            Settings(http_auth="token", allowed_hosts=("a.example",), allowed_origins=("*",)),
            "BACKSCROLL_ALLOWED_ORIGINS must look like https://example.com, not '*'",
        ),
    ],
)
def test_a_server_that_other_machines_can_call_needs_access_settings_to_start(
    settings: Settings, line: str
) -> None:
    with pytest.raises(CommandError) as refused:
        access.allowed(settings, "0.0.0.0")  # noqa: S104 - what is refused

    assert str(refused.value) == line


async def test_a_response_does_not_name_the_web_server(tmp_path: Path) -> None:
    async with running(settings_of(tmp_path)) as server:
        response = await post(server.url)

    assert response.status_code == 200
    assert "server" not in response.headers
