"""The client that times streams, and the model whose tokens have times."""

import socket
import threading

import pytest

from bench.conversations import database
from bench.figures import UnmeasuredError
from bench.gateways import model
from bench.servers import served
from bench.token_stream import Caller
from tests.pace import limit_s


def test_a_stream_is_timed_from_its_request_to_its_end() -> None:
    with model() as url:
        caller = Caller(url)
        streams = [caller.stream(20, pause_s) for pause_s in (0.0, 0.002, 0.0)]

    for timed in streams:
        assert 0 < timed.token_ms <= timed.last_ms
        assert 0 < timed.first_ms <= timed.last_ms
        assert timed.end_ms > 0
    assert streams[1].last_ms >= 19 * 2


@pytest.mark.timeout(limit_s(60))
def test_the_recorder_passes_every_token_on_with_its_time() -> None:
    with (
        model() as url,
        database() as disk,
        served(disk, "--forward", url, "--record", "all") as recorder,
    ):
        caller = Caller(recorder.base_url)
        timed = caller.stream(50, 0.0)

    assert 0 < timed.first_ms <= timed.last_ms


def test_a_stream_that_breaks_off_is_not_timed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def hang_up() -> None:
            listening.accept()[0].close()

        hanging_up = threading.Thread(target=hang_up)
        hanging_up.start()
        with pytest.raises((UnmeasuredError, ConnectionError)):
            Caller(f"http://127.0.0.1:{port}/v1").stream(1, 0.0)
        hanging_up.join()
