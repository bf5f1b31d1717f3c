"""The click command `backscroll search`."""

import os
import sys
from typing import Final

import click

from backscroll.commands.examples import examples
from backscroll.commands.options import EVERY, with_settings
from backscroll.commands.terminal import verbatim, write
from backscroll.settings.model import Settings

_WHEN: Final = "A UTC date or time such as 2026-11-21, or an age: 12h, 7d, 3m (months)."
_LEFT_OUT: Final = (
    "To leave out messages that have a word, write -- between the options and the query: "
    "backscroll search -- refund -draft"
)


class _Search(click.Command):
    """The command `search`. For an unknown option such as `-draft`, its error explains `--`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.option_name.startswith("--"):
                raise
            raise click.UsageError(f"{error.format_message()} {_LEFT_OUT}", ctx) from None


@click.command(
    cls=_Search,
    short_help="Search all messages.",
    epilog=examples(
        "backscroll search refund november",
        'backscroll search "What did they promise about the refund?" --context 1',
        "backscroll search '\"exactly these words\" -draft' --since 3m",
        "backscroll search c++ --role user --order newest",
        "backscroll search refund --thread thread_abc --json | jq -r '.hits[].id'",
    ),
)
@click.argument("query", nargs=-1, required=True, metavar="QUERY...")
@click.option("--thread", default="", metavar="ID", help="Only in this thread or conversation.")
@click.option(
    "--role", default="", metavar="ROLE", help="Only messages with this role: user or assistant."
)
@click.option("--since", default="", metavar="WHEN", help=_WHEN)
@click.option(
    "--until", default="", metavar="WHEN", help="As in --since; a date includes its whole day."
)
@click.option(
    "--order", default="", metavar="ORDER", help="relevance (the default), newest or oldest."
)
@click.option("--context", default=0, metavar="N", help="Messages around each hit, 0 to 5.")
@click.option(
    "--limit", default=10, metavar="N", help="The maximum number of hits, 1 to 50; default 10."
)
@click.option("--json", "as_json", is_flag=True, help="Print what the tool returns, as JSON.")
@with_settings(*EVERY)
def search(  # noqa: PLR0913 - the arguments of the tool
    settings: Settings,
    *,
    query: tuple[str, ...],
    thread: str,
    role: str,
    since: str,
    until: str,
    order: str,
    context: int,
    limit: int,
    as_json: bool,
) -> None:
    """Find messages that have any of the words of QUERY, the best first.

    QUERY is words or a whole question. "Double quotes" find an exact phrase, and -word leaves out
    messages that have the word. Put single quotes around a query with either. Put -- before a query
    that starts with a hyphen. Case, accents and endings of words make no difference. This runs the
    tool search-messages. At a terminal, the output is in colour, unless NO_COLOR is set. If the
    search fails, the error goes to stderr and the exit code is 1.
    """
    from functools import partial

    import anyio

    from backscroll.commands.call.calling import call_tool, written
    from backscroll.commands.search.printing import Style, printed
    from backscroll.process.logs import configure

    configure(settings.log_level, settings.log_format)
    stream = verbatim()
    given = {
        "query": " ".join(query),
        "thread_id": thread,
        "role": role,
        "since": since,
        "until": until,
        "order": order,
        "context": context,
        "limit": limit,
    }
    arguments = {name: value for name, value in given.items() if value != ""}
    result = anyio.run(partial(call_tool, settings, "search-messages", arguments, structured=True))
    found = result.structured_content
    if found is None or as_json:  # an error has no structured content
        write(written(result, as_json=as_json), sys.stderr if result.is_error else sys.stdout)
        sys.exit(result.is_error)
    terminal = stream.isatty()
    style = Style(escapes=terminal, colours=terminal and not os.environ.get("NO_COLOR"))
    stream.write(printed(found, style) + "\n")
    stream.flush()
