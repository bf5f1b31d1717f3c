"""The store's port answers at once."""

import socket

import pytest

from backscroll import store_server


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_is_named_as_tcp_so_that_no_reply_waits_for_an_acknowledgement(host: str) -> None:
    with store_server._listen(host, 0) as listening:  # noqa: SLF001 - what asyncio looks at
        assert listening.proto == socket.IPPROTO_TCP
        assert listening.getsockname()[0] == host
