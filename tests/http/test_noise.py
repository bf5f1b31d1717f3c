"""Malformed requests: each is answered or its connection is closed, and none gets data."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.http.serving import ERAS, MODERN, WAIT_S, call, post, raw, running, settings_of
from tests.pace import paced_s

COUNT = 300
SECRET = "nobody but who asks rightly reads this"


def mutated(request: bytes, chance: random.Random) -> bytes:
    """Return a request with some of its bytes removed, doubled, swapped or replaced."""
    noisy = bytearray(request)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(noisy))
        to = min(len(noisy), at + chance.randint(1, 40))
        match chance.randrange(4):
            case 0:
                del noisy[at:to]
            case 1:
                noisy[at:at] = noisy[at:to]
            case 2:
                noisy[at:to] = reversed(noisy[at:to])
            case _:
                noisy[at:to] = chance.randbytes(to - at)
        if not noisy:
            return b"\r\n\r\n"
    return bytes(noisy)


@pytest.mark.parametrize("era", ERAS)
async def test_no_noise_gets_data_or_ends_the_server(
    era: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(era)
    settings = settings_of(tmp_path, http_auth="token", http_receive_s=paced_s(0.3))
    async with running(settings) as server:
        token = await server.token()
        made = await call(server.url, "create-message", token, role="user", content=SECRET)
        thread_id = made["structuredContent"]["thread_id"]
        params = {"name": "list-messages", "arguments": {"thread_id": thread_id}}
        request = raw("tools/call", params, era, "bks_" + "A" * 43)

        async def sent() -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(mutated(request, chance))
            reply = await reader.read(1 << 20)
            writer.close()
            return reply

        replies: list[bytes] = []
        async with asyncio.timeout(WAIT_S):
            for _ in range(COUNT // 150):
                replies += await asyncio.gather(*(sent() for _ in range(150)))
        alive = await post(server.url, token=token, era=MODERN)

    statuses = {reply[9:12] for reply in replies if reply}
    assert alive.status_code == 200
    assert not any(SECRET.encode() in reply for reply in replies)
    assert statuses <= {b"400", b"401", b"404", b"405", b"408", b"413", b"421", b"431", b"501"}
    assert [record for record in caplog.records if record.exc_info] == []
