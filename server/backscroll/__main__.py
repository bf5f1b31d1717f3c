"""`backscroll`: the MCP server over stdio if run without arguments, otherwise the command line."""

import sys

from backscroll.process.exits import clean_exit
from backscroll.process.standard_streams import reserve_closed


def main() -> None:
    """Run the command in `sys.argv`, and exit with its code."""
    reserve_closed()
    with clean_exit():
        if len(sys.argv) == 1:
            # Hosts start the server often, so avoid the slow import of the command line.
            from backscroll.commands.serve.over_stdio import serve_as_set

            serve_as_set()
        else:
            from backscroll.cli import commands

            commands()


if __name__ == "__main__":
    main()
