"""An unexpected error over HTTP is answered like the server's other errors."""

from pathlib import Path

from mcp.types import INTERNAL_ERROR

from tests.http.serving import post, refusal_of, running, settings_of


def broken() -> float:
    raise LookupError("a secret")


async def test_its_reply_is_an_error_of_json_rpc_and_does_not_quote_it(tmp_path: Path) -> None:
    async with running(settings_of(tmp_path, http_auth="token"), clock=broken) as server:
        response = await post(server.url, token=await server.token())

    sentence = "The server failed unexpectedly (LookupError). Its log says where."
    assert refusal_of(response) == (500, sentence)
    assert response.json()["error"]["code"] == INTERNAL_ERROR
