"""A value that holds a secret or a user's text leaves it out wherever the value is printed."""

from typing import Final

import pytest
from rich.pretty import pretty_repr

from backscroll.database import postgres_address
from backscroll.settings.model import Settings
from backscroll.store.recorder.model_server import ModelServer
from backscroll.store.search.embeddings import Endpoint
from backscroll_tools.client.groups import THREADS
from backscroll_tools.client.profiles import OPENAI, Upstream
from backscroll_tools.client.requests import Request

SECRET: Final = "sk-secret"
URL: Final = "https://a.example/v1"


async def _credential() -> tuple[str, str]:
    return ("Authorization", SECRET)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (postgres_address.parse(f"postgresql://user:{SECRET}@host/name"), "postgresql://host/name"),
        (Settings(api_key=SECRET, model_key=SECRET, embeddings_key=SECRET, base_url=URL), URL),
        (ModelServer(url=URL, key=SECRET), URL),
        (Endpoint(URL, "model", SECRET), URL),
        (Upstream(OPENAI, URL, (("Organization", SECRET),), _credential, "a", SECRET), URL),
        (Request("POST", THREADS, "/threads", body={"text": SECRET}), "/threads"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_secret_is_left_out_and_the_rest_is_shown(value: object, shown: str) -> None:
    for printed in (repr(value), str(value), repr([value]), f"{value}", pretty_repr(value)):
        assert SECRET not in printed
        assert "_credential" not in printed
        assert shown in printed
