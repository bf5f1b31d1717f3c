"""The click command `backscroll store`."""

from typing import Final

import click

from backscroll.commands.examples import examples
from backscroll.commands.options import RECORDING, with_settings
from backscroll.process.exits import interrupted_at_once
from backscroll.settings.model import Settings

_PORT: Final = 8095


@click.command(
    short_help="Serve the embedded store over HTTP.",
    epilog=examples(
        "backscroll store &",
        "python -c 'from openai import OpenAI",
        f'store = OpenAI(base_url="http://127.0.0.1:{_PORT}/v1", api_key="none")',
        "print(store.beta.threads.create())'",
    ),
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="The loopback address to listen on."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=_PORT,
    show_default=True,
    help="The port; 0 for any free port.",
)
@with_settings(
    "database", "database_read", "keep_days", "log_level", "log_format", *RECORDING, "allow_http"
)
def store(settings: Settings, host: str, port: int) -> None:
    """Serve the embedded store over HTTP at /v1, on this machine only.

    OpenAI's official client works with it unchanged. With --forward, the store is also the base URL
    of a model server: it passes requests on, and records the answers.
    """
    import anyio

    from backscroll.commands.store.store_server import serve_store

    with interrupted_at_once():
        anyio.run(serve_store, settings, host, port)
