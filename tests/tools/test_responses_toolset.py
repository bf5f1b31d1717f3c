"""The tools of the toolset `responses`, on an upstream that keeps responses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from starlette.applications import Starlette

from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import FOUNDRY, Upstream
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Bounds, Call, Result
from tests.upstreams.background import Background

PNG = "iVBORw0KGgo" + "A" * 400


class Kept(Background):
    """An upstream with three responses, on which tools are called."""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Client]:
        app = Starlette(routes=self.routes("/p/openai/v1"))
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as http:
            yield Client(http, Upstream(FOUNDRY, "http://a.example/p"), chance=lambda: 0.0)

    async def call(
        self, name: str, bounds: Bounds | None = None, /, **arguments: object
    ) -> Result | ToolError:
        tool = next(tool for tool in TOOLS if tool.name == name)
        async with self.opened() as client:
            try:
                return await tool.run(Call.begin(client, bounds), validated(tool, arguments))
            except ToolError as error:
                return error

    async def result(self, name: str, /, **arguments: object) -> JSON:
        outcome = await self.call(name, **arguments)
        assert isinstance(outcome, Result), outcome
        return outcome.structured

    async def error(self, name: str, /, **arguments: object) -> ToolError:
        outcome = await self.call(name, **arguments)
        assert isinstance(outcome, ToolError), outcome
        return outcome


def response(name: str, status: str, **fields: object) -> JSON:
    text = {"type": "output_text", "text": "word " * 100, "annotations": []}
    picture = {"type": "image_generation_call", "id": "ig_1", "result": PNG}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "content": [text]}
    return {
        "id": name,
        "object": "response",
        "created_at": 1_700_000_000.5,
        "model": "m-1",
        "status": status,
        "output": [picture, message],
        "error": None,
        "metadata": {},
        "background": True,
        "usage": {"total_tokens": 7},
        "conversation": None,
        "previous_response_id": None,
        **fields,
    }


@pytest.fixture
def kept() -> Kept:
    first = response("resp_1", "completed", conversation={"id": "conv_1"}, metadata={"a": "b"})
    failed = response("resp_2", "failed", error={"code": "x", "message": "no"}, output=None)
    running = response("resp_3", "in_progress", previous_response_id="resp_1", output=[])
    return Kept({row["id"]: row for row in (first, failed, running)})


SHOWN = {
    "id": "resp_1",
    "created_at": 1_700_000_000,
    "model": "m-1",
    "status": "completed",
    "conversation_id": "conv_1",
    "text": ("word " * 100)[:160],
    "clipped": {"shown": 160, "total": 500},
    "metadata": {"a": "b"},
}


async def test_a_response_is_read_with_its_state_but_without_its_messages(kept: Kept) -> None:
    read = await kept.result("get-response", response_id="resp_1")
    failed = await kept.result("get-response", response_id="resp_2")

    assert read == {
        "response": {**SHOWN, "other": {"background": True, "usage": {"total_tokens": 7}}}
    }
    assert failed["response"]["other"]["error"] == {"code": "x", "message": "no"}


async def test_a_response_that_is_too_long_says_what_is_missing(kept: Kept) -> None:
    kept.rows["resp_1"]["instructions"] = "do this " * 1_000
    read = await kept.call("get-response", Bounds(result_chars=2_000), response_id="resp_1")

    assert isinstance(read, Result)
    assert len(read.text) < 2_000
    assert read.structured["response"]["omitted"].startswith("other (8,")


async def test_responses_are_listed_newest_first_also_of_one_conversation(kept: Kept) -> None:
    every = await kept.result("list-responses")
    some = await kept.result("list-responses", conversation_id="conv_1", model="m-1")

    assert [each["id"] for each in every["responses"]] == ["resp_3", "resp_2", "resp_1"]
    assert every["responses"][0]["previous_response_id"] == "resp_1"
    assert some["responses"] == [SHOWN]
    assert some["page"]["passed"] == 2


@pytest.mark.parametrize("lost", [0, 1])
async def test_only_the_response_that_is_named_is_deleted(kept: Kept, lost: int) -> None:
    kept.lost = lost
    deleted = await kept.result("delete-response", response_id="resp_1")
    again = await kept.error("delete-response", response_id="resp_1")

    assert deleted == {"response_id": "resp_1", "deleted": True}
    assert list(kept.rows) == ["resp_2", "resp_3"]
    assert again.code == "not_found"


@pytest.mark.parametrize("lost", [0, 1])
async def test_a_response_is_cancelled_and_may_be_cancelled_again(kept: Kept, lost: int) -> None:
    kept.lost = lost
    first = await kept.result("cancel-response", response_id="resp_3")
    again = await kept.result("cancel-response", response_id="resp_3")
    done = await kept.error("cancel-response", response_id="resp_1")

    assert first["response"]["status"] == again["response"]["status"] == "cancelled"
    assert (done.code, done.message, done.next_step) == (
        "invalid_arguments",
        "Cannot cancel a completed response.",
        "Only a response that is still being created in the background can be cancelled.",
    )


@pytest.mark.parametrize("verb", ["get", "delete"])
async def test_an_id_of_another_kind_names_the_tool_that_takes_it(kept: Kept, verb: str) -> None:
    error = await kept.error(f"{verb}-response", response_id="conv_1")

    assert error.message == "response_id is the id of a conversation."
    assert error.taken_by == f"{verb}-thread"
    assert kept.asked == []
