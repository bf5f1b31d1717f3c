"""How callers are named, and how a missing key ends the start."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from backscroll.settings.installation import how_to_add
from backscroll.settings.model import Settings
from backscroll.settings.parsing import SettingsError
from backscroll.upstream import credentials
from backscroll.upstream.credentials import ENTRA_SCOPE, NotSignedInError, credential
from backscroll_tools.client.profiles import PROFILES
from tests.pace import limit_s
from tests.server.command_line import backscroll

AZURE = {"BACKSCROLL_UPSTREAM": "azure", "BACKSCROLL_BASE_URL": "https://a.example"}
FOUNDRY = {"BACKSCROLL_UPSTREAM": "foundry", "BACKSCROLL_BASE_URL": "https://a.example/p"}

# What azure-identity and azure-core promise of these names; signing in needs Microsoft's service.
IDENTITY = """
from azure.core.exceptions import ClientAuthenticationError

class Token:
    token = "token-1"

class DefaultAzureCredential:
    asked = []

    def get_token(self, scope):
        self.asked.append(scope)
        if len(self.asked) > 2:
            raise ClientAuthenticationError("nobody is signed in: secret")
        return Token
"""
EXCEPTIONS = """
class AzureError(Exception): ...
class ClientAuthenticationError(AzureError): ...
"""


async def header(upstream: str, **settings: str) -> tuple[str, str] | None:
    give = credential(Settings(upstream=upstream, **settings), PROFILES[upstream])  # type: ignore[arg-type]  # all are text
    return None if give is None else await give()


@pytest.fixture
def azure_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, text in (("azure/identity", IDENTITY), ("azure/core/exceptions", EXCEPTIONS)):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "__init__.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    credentials._identity.cache_clear()  # noqa: SLF001 - as in a process of its own
    yield
    credentials._identity.cache_clear()  # noqa: SLF001 - as in a process of its own
    for name in [name for name in sys.modules if name.partition(".")[0] == "azure"]:
        del sys.modules[name]


each_missing_key = pytest.mark.parametrize(
    ("environ", "line"),
    [
        (AZURE, "BACKSCROLL_API_KEY is needed for the upstream azure."),
        pytest.param(
            FOUNDRY,
            "BACKSCROLL_API_KEY is not set, and signing in with Microsoft Entra requires the "
            f"extra `azure`. To install it: {how_to_add('azure')}",
            marks=pytest.mark.skipif(find_spec("azure") is not None, reason="the extra is there"),
        ),
    ],
)


@each_missing_key
def test_what_cannot_be_asked_ends_the_start_in_one_line(
    environ: dict[str, str], line: str
) -> None:
    others = {name: value for name, value in os.environ.items() if "BACKSCROLL" not in name}

    ended = subprocess.run(
        [sys.executable, "-m", "backscroll"],
        env={**others, "PYTHONPATH": os.pathsep.join(sys.path), **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=limit_s(30),
        check=False,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", f"backscroll: {line}\n")


@each_missing_key
@pytest.mark.parametrize("command", ["serve", "call", "doctor"])
def test_what_cannot_be_asked_ends_a_command_in_one_line(
    command: str, environ: dict[str, str], line: str
) -> None:
    ended = backscroll("", command, environ=environ)

    assert (ended.exit_code, ended.stdout, ended.stderr) == (2, "", f"backscroll: {line}\n")


async def test_a_key_goes_in_the_header_that_the_upstream_has_it_in() -> None:
    assert await header("openai", api_key="k") == ("Authorization", "Bearer k")
    assert await header("azure", api_key="k") == ("api-key", "k")
    assert await header("azure", api_key="k", auth="bearer") == ("Authorization", "Bearer k")
    assert await header("compatible", api_key="k", auth="api-key") == ("api-key", "k")


async def test_no_key_is_sent_where_none_is_needed_or_wanted() -> None:
    assert await header("store") is None
    assert await header("store", api_key="k") is None
    assert await header("compatible") is None
    assert await header("openai", api_key="k", auth="none") is None


async def test_a_token_that_the_operator_has_goes_before_signing_in() -> None:
    assert await header("foundry", api_key="token") == ("Authorization", "Bearer token")


@pytest.mark.usefixtures("azure_identity")
async def test_a_token_of_entra_is_asked_for_before_every_request_by_one_identity() -> None:
    assert await header("foundry") == ("Authorization", "Bearer token-1")
    assert await header("azure", auth="entra") == ("Authorization", "Bearer token-1")
    with pytest.raises(NotSignedInError) as failed:
        await header("foundry")

    assert credentials._identity().asked == [ENTRA_SCOPE] * 3  # noqa: SLF001 - what was asked
    assert failed.value.render() == (
        "auth_failed: Microsoft Entra did not return a token (ClientAuthenticationError).\n"
        "Next: Ask the operator to sign in (az login), or to set BACKSCROLL_API_KEY.\n"
        "Retry: safe, but pointless until the operator fixes the key; nothing was written."
    )


@pytest.mark.skipif(find_spec("azure") is not None, reason="the extra is there")
async def test_signing_in_without_the_library_names_the_extra() -> None:
    needed = r"requires the extra `azure`. To install it: .* 'azure-identity>="

    with pytest.raises(SettingsError, match=needed):
        await header("foundry")
