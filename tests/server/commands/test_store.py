"""`backscroll store`, as its clients meet it."""

from openai._constants import DEFAULT_CONNECTION_LIMITS
from starlette.applications import Starlette

from backscroll.commands.store.store_server import configuration


def test_the_store_keeps_an_idle_connection_longer_than_its_clients_do() -> None:
    # If both took equally long, a client could write to a connection that is just being closed.
    kept_by_client_s = DEFAULT_CONNECTION_LIMITS.keepalive_expiry

    assert kept_by_client_s is not None
    assert configuration(Starlette()).timeout_keep_alive > 2 * kept_by_client_s
