"""The click command `backscroll demo`."""

import sys

import click


@click.command(short_help="Show what Backscroll does.")
def demo() -> None:
    """Show what Backscroll does, with real conversations in a temporary store.

    Takes a few seconds. Requires the extra `demo`, which installs a dataset of conversations.
    """
    import anyio

    from backscroll.commands.demo.show import run

    sys.exit(anyio.run(run))
