"""The click command `backscroll serve`."""

from typing import Final

import click
from click.core import ParameterSource

from backscroll.commands.examples import examples
from backscroll.commands.options import EVERY, SERVING, with_settings
from backscroll.settings.model import Settings

_HTTP_PORT: Final = 8000
_FOR_HTTP: Final = ("host", "port", *(name for name in SERVING if name not in EVERY))
"""The options that only have an effect with `--transport http`."""


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
    help="The transport to serve.",
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="For http: the address to listen on."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=_HTTP_PORT,
    show_default=True,
    help="For http: the port; 0 for any free port.",
)
@with_settings(*SERVING)
def serve(settings: Settings, transport: str, host: str, port: int) -> None:
    """Serve MCP over stdio to one host, or over HTTP to many.

    Over HTTP, the endpoint is /mcp. On a loopback address, callers need no token. On any other
    address, set --http-auth, --allowed-hosts and --allowed-origins.
    """
    _refuse_for_stdio(transport)
    if transport == "http":
        from backscroll.http.serving.run import run

        run(settings, host, port)
    else:
        from backscroll.commands.serve.over_stdio import serve as serve_stdio

        serve_stdio(settings)


def _refuse_for_stdio(transport: str) -> None:
    """Reject options for HTTP if the transport is stdio, instead of ignoring them.

    Raises:
        click.UsageError: the transport is stdio, and an option for HTTP is given.
    """
    ctx = click.get_current_context()
    for name in _FOR_HTTP if transport == "stdio" else ():
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            flag = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{flag} has no effect over stdio: add --transport http", ctx)
