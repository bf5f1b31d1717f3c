"""`backscroll serve`, as a person types it."""

from typing import Final

import click

from backscroll.commands.examples import examples
from backscroll.commands.options import SERVING, with_settings
from backscroll.settings.model import Settings

_HTTP_PORT: Final = 8000


@click.command(
    epilog=examples(
        "backscroll serve --read-only",
        "backscroll serve --database sqlite:////srv/talks.db --result-chars 16000",
        "backscroll serve --transport http",
        "backscroll serve --transport http --host 0.0.0.0 --http-auth token \\",
        "    --allowed-hosts mcp.example.com --allowed-origins none",
    )
)
@click.option(
    "--transport",
    type=click.Choice(["stdio", "http"]),
    default="stdio",
    show_default=True,
    help="How hosts reach it.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Over http: where to listen.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=_HTTP_PORT,
    show_default=True,
    help="Over http: 0 for any free one.",
)
@with_settings(*SERVING)
def serve(settings: Settings, transport: str, host: str, port: int) -> None:
    """Serve MCP: to the host that started it, or over HTTP to many.

    Over HTTP it is at /mcp. On 127.0.0.1 it asks nobody who they are; anywhere else it asks for
    tokens, and wants to know its own names.
    """
    if transport == "http":
        from backscroll.http.serving.run import run

        run(settings, host, port)
    else:
        from backscroll.commands.serve.over_stdio import serve as serve_stdio

        serve_stdio(settings)
