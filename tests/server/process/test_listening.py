"""The store's port answers at once."""

import socket

import pytest

from backscroll.process.listening import listen


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_is_named_as_tcp_so_that_no_reply_waits_for_an_acknowledgement(host: str) -> None:
    with listen(host, 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP
        assert listening.getsockname()[0] == host
