"""`backscroll`: without arguments an MCP server over stdio, else the command line."""

import sys

from backscroll.process.exits import clean_exit


def main() -> None:
    """Run the command in `sys.argv`, and end the process with its exit code."""
    with clean_exit():
        if len(sys.argv) == 1:
            # What hosts start many times a day: without what only people need.
            from backscroll.commands.serve.over_stdio import serve_as_set

            serve_as_set()
        else:
            from backscroll.cli import commands

            commands()


if __name__ == "__main__":
    main()
