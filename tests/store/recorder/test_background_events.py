"""The events of a response in the background, as odd model servers send them."""

import json

import httpx2
import pytest

from tests.loopback import NO_TLS
from tests.store.recorder.raw_models import STREAM, event_bytes, raw_model, sends
from tests.store.recorder.recording import JSON, ended, recording_of, responded
from tests.store.recorder.test_background import BEGUN, delta, message, stream


async def test_halves_of_a_surrogate_pair_stay_in_their_two_deltas() -> None:
    said = {**BEGUN, "status": "completed", "output": [message("\N{GRINNING FACE}")]}
    answer = delta("\ud83d") + delta("\ude00") + event_bytes("response.completed", response=said)
    async with raw_model(sends(STREAM + answer)) as url, recording_of(url) as client:
        found = await responded(client, input="one", background=True)
        last = await ended(client, found.id)
        events = await stream(client, found.id)
    assert (last.status, last.output_text) == ("completed", "\N{GRINNING FACE}")
    assert [event.get("delta") for event in events] == [None, None, "\ud83d", "\ude00", None]
    assert events[-1]["type"] == "response.completed"


@pytest.mark.parametrize("kind", ["response.x\n\nevent: y", "response.x\r\rdata: {}", ""])
async def test_the_type_of_an_event_stays_on_one_line(kind: str) -> None:
    odd = f"data: {json.dumps({'type': kind})}\n\n".encode()
    said = {**BEGUN, "status": "completed", "output": [message("One.")]}
    answer = STREAM + odd + event_bytes("response.completed", response=said)
    async with raw_model(sends(answer)) as url, recording_of(url) as client:
        found = await responded(client, input="one", background=True)
        await ended(client, found.id)
        async with httpx2.AsyncClient(base_url=client.base_url, verify=NO_TLS) as http:
            text = (await http.get(f"responses/{found.id}?stream=true")).text
    blocks = text.removesuffix("\n\n").split("\n\n")
    assert all(len(block.splitlines()) == 2 for block in blocks)
    events: list[JSON] = [json.loads(block.partition("\ndata: ")[2]) for block in blocks]
    assert [event["type"] for event in events][2:] == [kind, "response.completed"]
