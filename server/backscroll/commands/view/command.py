"""The click command `backscroll view`."""

import click

from backscroll.commands.examples import examples
from backscroll.commands.options import EVERY, with_settings
from backscroll.settings.model import Settings


@click.command(
    short_help="Show conversations in a browser.",
    epilog=examples(
        "backscroll view",
        "backscroll view thread_abc",
        "backscroll view --no-browser --port 8123",
    ),
)
@click.argument("thread_id", required=False, default="")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    show_default=True,
    help="The port; 0 for any free port.",
)
@click.option("--no-browser", is_flag=True, help="Print the link, and open no browser.")
@with_settings(*EVERY)
def view(settings: Settings, thread_id: str, port: int, *, no_browser: bool) -> None:
    """Show conversations in a browser, on this machine only.

    The page can read and search, and cannot write. The link works once. Ctrl-C stops the server
    and ends the page's access.
    """
    import asyncio

    from backscroll.commands.view.view_server import serve_page

    asyncio.run(serve_page(settings, port, thread_id, opens_browser=not no_browser))
