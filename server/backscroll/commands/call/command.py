"""The click command `backscroll call`."""

import sys
from collections.abc import Mapping, Sequence
from typing import cast

import click

from backscroll.commands.examples import examples
from backscroll.commands.options import EVERY, with_settings
from backscroll.commands.terminal import columns, verbatim, write
from backscroll.settings.model import Settings


class _Call(click.Command):
    """The command `call`. Its error for an unknown option shows how to write a tool's argument."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            form = _argument(error.option_name, words)
            if not form and error.possibilities:
                raise
            hint = f"A tool's arguments are not options: write {form or 'NAME=VALUE'}."
            raise click.UsageError(f"{error.format_message()} {hint}", ctx) from None


def _argument(option: str, words: Sequence[str]) -> str:
    """Return an option such as `--limit 3` as `limit=3`; empty if no tool has such an argument."""
    from backscroll_tools.registry import TOOLS

    name = option.lstrip("-").replace("-", "_")
    if not any(
        name in cast("Mapping[str, object]", tool.input_schema["properties"]) for tool in TOOLS
    ):
        return ""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        given, sign, value = word.partition("=")
        if given == option:
            value = value if sign or following.startswith("-") else following
            return f"{name}={value or 'VALUE'}"
    return f"{name}=VALUE"


@click.command(
    cls=_Call,
    short_help="Call a tool, or list the tools.",
    epilog=examples(
        "backscroll call list-threads limit=3",
        "backscroll call list-messages thread_id=thread_abc preview_chars=80",
        'backscroll call create-message role=user content=Hi metadata:=\'{"a": "b"}\'',
        "backscroll call list-threads --json | jq .page.next_cursor",
    ),
)
@click.argument("tool", required=False)
@click.argument("arguments", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--json", "as_json", is_flag=True, help="Print the structured content as JSON.")
@with_settings(*EVERY)
def call(
    settings: Settings, tool: str | None, arguments: tuple[str, ...], *, as_json: bool
) -> None:
    """Call TOOL through the server, or list the tools and their arguments.

    A VALUE is converted to the type in the tool's schema; NAME:=JSON passes any JSON. On a
    terminal, control characters in messages are escaped; elsewhere, the text is printed
    unchanged. If the tool fails, its error goes to stderr and the exit code is 1.
    """
    from functools import partial

    import anyio

    from backscroll.commands.call.calling import (
        call_tool,
        describe,
        list_tools,
        read_arguments,
        written,
    )
    from backscroll.process.logs import configure

    configure(settings.log_level, settings.log_format)
    verbatim()
    if tool is None:
        write(describe(anyio.run(list_tools, settings), columns()))
        return
    given = read_arguments(arguments)
    result = anyio.run(partial(call_tool, settings, tool, given, structured=as_json))
    write(written(result, as_json=as_json), sys.stderr if result.is_error else sys.stdout)
    sys.exit(result.is_error)
