"""The command line: the click group that contains all commands."""

from typing import Any

import click

from backscroll.commands.call.command import call
from backscroll.commands.connect.command import connect
from backscroll.commands.demo.command import demo
from backscroll.commands.doctor.command import doctor
from backscroll.commands.examples import examples
from backscroll.commands.forget.command import forget
from backscroll.commands.maintain.command import maintain
from backscroll.commands.search.command import search
from backscroll.commands.serve.command import serve
from backscroll.commands.store.command import store
from backscroll.commands.sync.command import sync
from backscroll.commands.terminal import WIDTH
from backscroll.commands.token.command import token
from backscroll.commands.transfer.command import export, import_
from backscroll.commands.view.command import view
from backscroll.process.exits import clean_exit


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - the type in click.Group
        with clean_exit():
            return super().invoke(ctx)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDTH},
    epilog=examples(
        "See what it does:        backscroll demo",
        "Bring in your sessions:  backscroll sync",
        "Load conversations:      backscroll import conversations.jsonl",
        "Read them from a shell:  backscroll call list-threads limit=3",
        "Search them:             backscroll search refund november",
        "Let a host read them:    backscroll connect vscode",
    ),
)
@click.version_option(package_name="backscroll", message="%(prog)s %(version)s")
def commands() -> None:
    """Read and write stored conversations through MCP tools.

    Without a command, serves MCP over stdio, as MCP hosts expect. Each setting can be an option or
    an environment variable, such as --result-chars or BACKSCROLL_RESULT_CHARS.
    """


for _command in (
    *(call, connect, demo, doctor, export, forget, import_, maintain, search, serve, store, sync),
    *(token, view),
):
    commands.add_command(_command)
