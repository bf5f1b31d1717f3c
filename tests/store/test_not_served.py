"""What the store does not serve is answered with 501 and the reason, whoever asks for it."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import openai
import pytest

from backscroll.store.not_served import ABSENCES, absent
from tests.store.conftest import on_one_engine
from tests.store.wire import error, page

pytestmark = on_one_engine

RESOURCES = Path(openai.__file__).parent / "resources"
REQUEST = re.compile(
    r"""self\._(?P<verb>get|post|delete|get_api_list)\(\s*
    (?:path_template\(\s*)?f?"(?P<path>[^"?]+)[^"]*"
    (?P<rest>(?:(?!self\._).)*)""",
    re.VERBOSE | re.DOTALL,
)
SERVED = (
    *("/threads", "/threads/*", "/threads/*/messages", "/threads/*/messages/*"),
    *("/conversations", "/conversations/*", "/conversations/*/items", "/conversations/*/items/*"),
    *("/chat/completions", "/chat/completions/*", "/chat/completions/*/messages"),
    *("/responses", "/responses/*", "/responses/*/input_items", "/responses/*/cancel"),
    *("/responses/input_tokens", "/responses/compact"),
    *("/assistants", "/assistants/*", "/models", "/models/*"),
)
NO_MODEL = (
    "It keeps what 'backscroll import' brings in. To let a model server answer, start the "
    "store with BACKSCROLL_MODEL_URL."
)


def requests_of_the_official_client() -> Iterator[tuple[str, str]]:
    """Yield the method and path of each request in the client's source, `*` for each parameter."""
    for file in RESOURCES.rglob("*.py"):
        for found in REQUEST.finditer(file.read_text()):
            method = found["verb"].upper()
            if method == "GET_API_LIST":
                method = "POST" if 'method="post"' in found["rest"] else "GET"
            yield method, re.sub(r"\{\w+\}", "*", found["path"])


def test_every_endpoint_of_the_official_client_is_served_or_answered_with_the_reason() -> None:
    found = set(requests_of_the_official_client())
    assert len(found) > 350
    unknown = {
        (method, path)
        for method, path in found
        if path not in SERVED and absent(method, f"/v1{path.replace('*', 'id')}") is None
    }
    assert unknown == set()


async def test_every_endpoint_that_is_not_served_says_why(api: httpx2.AsyncClient) -> None:
    for absence in ABSENCES:
        for line in absence.endpoints.strip().splitlines():
            methods, path = line.split()
            for method in methods.split(","):
                url = path.replace("**", "a/b").replace("*", "id")
                reply = await api.request(method, url, content=b"\xff not JSON")
                assert reply.headers["x-should-retry"] == "false"
                if absence.purpose:
                    why = f"this store has no model, so it cannot {absence.purpose}. {NO_MODEL}"
                    code = "model_not_configured"
                else:
                    why, code = absence.reason, "not_served"
                expected = {"message": f"Not served: {why}", "param": None, "code": code}
                assert error(reply, 501) == expected, url


async def test_the_official_client_asks_once_and_shows_the_reason(
    client: openai.AsyncOpenAI,
) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        await client.with_options(max_retries=5).files.create(file=b"a", purpose="assistants")
    assert caught.value.body == {
        "message": "Not served: this store keeps no files. Messages and assistants keep the ids of "
        "files, which are not checked.",
        "type": "invalid_request_error",
        "param": None,
        "code": "not_served",
    }
    assert caught.value.request.headers["x-stainless-retry-count"] == "0"


async def test_the_official_client_says_that_a_model_does_not_exist(
    client: openai.AsyncOpenAI,
) -> None:
    for call in (client.models.retrieve, client.models.delete):
        with pytest.raises(openai.NotFoundError, match="this store has no model") as caught:
            await call("gpt-4o")
        assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


async def test_an_unknown_url_is_still_one(api: httpx2.AsyncClient) -> None:
    for method, path in (
        ("GET", "/file"),
        ("GET", "/files/file_1/contents"),
        ("PUT", "/files"),
        ("GET", "/threads/runs/steps/more"),
        ("GET", "/organization"),
    ):
        message = f"Invalid URL ({method} /v1{path})"
        assert error(await api.request(method, path), 404)["message"] == message


async def test_the_list_of_models_is_empty_and_no_model_exists(api: httpx2.AsyncClient) -> None:
    assert await page(api, "/models") == {"object": "list", "data": []}
    for method in ("GET", "DELETE"):
        assert error(await api.request(method, "/models/org/name"), 404) == {
            "message": "The model 'org/name' does not exist: this store has no model.",
            "param": "model",
            "code": "model_not_found",
        }
