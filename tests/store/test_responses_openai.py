"""Responses through the official client, synchronous and not, which reads replies strictly."""

import asyncio
from typing import Literal

import openai
import pytest
from openai.types.responses import Response

from backscroll.store.app import Store
from tests.store.test_responses import CALL, RESPONSE, bring_in, turn


async def test_a_response_is_retrieved_and_deleted(store: Store, live_store: str) -> None:
    await bring_in(store, RESPONSE)
    async with openai.AsyncOpenAI(
        api_key="unused", base_url=live_store, max_retries=0, _strict_response_validation=True
    ) as client:
        found = await client.responses.retrieve("resp_1", include=["message.output_text.logprobs"])
        assert isinstance(found, Response)
        assert (found.id, found.model, found.metadata) == ("resp_1", "m", {"a": "1"})
        assert found.output[1].model_dump(exclude_none=True) == CALL
        assert found.model_extra == {"billing": {"payer": "developer"}}
        with pytest.raises(openai.InternalServerError, match="without 'stream'") as streamed:
            await client.with_options(max_retries=5).responses.retrieve("resp_1", stream=True)
        assert (streamed.value.status_code, streamed.value.code) == (501, "not_served")
        assert streamed.value.request.headers["x-stainless-retry-count"] == "0"
        await client.responses.delete("resp_1")
        with pytest.raises(openai.NotFoundError, match="Response with id 'resp_1' not found"):
            await client.responses.retrieve("resp_1")
        with pytest.raises(openai.InternalServerError, match="BACKSCROLL_MODEL_URL") as caught:
            await client.responses.create(model="m", input="Hi")
        assert (caught.value.status_code, caught.value.code) == (501, "model_not_configured")


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_auto_paging_yields_the_history_and_the_input_once(
    store: Store, live_store: str, order: Literal["asc", "desc"]
) -> None:
    await bring_in(store, turn("a", "1", "2"), turn("b", "2", "3", after="a"))
    expected = ["msg_1", "msg_2", "msg_a", "msg_3"]

    def walked() -> list[str | None]:
        with openai.OpenAI(
            api_key="unused", base_url=live_store, max_retries=0, _strict_response_validation=True
        ) as client:
            listed = client.responses.input_items.list("resp_b", order=order, limit=2)
            return [item.id for item in listed]

    assert await asyncio.to_thread(walked) == (expected if order == "asc" else expected[::-1])
