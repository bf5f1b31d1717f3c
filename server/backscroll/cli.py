"""The commands that a person types."""

import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import click

from backscroll.commands.connect.command import connect
from backscroll.commands.doctor.command import doctor
from backscroll.commands.options import EVERY, SERVING, with_settings
from backscroll.commands.terminal import verbatim, write
from backscroll.commands.token.command import token
from backscroll.process.exits import clean_exit, interrupted_at_once
from backscroll.settings.model import Settings
from backscroll_tools.plain import plain

_PORT: Final = 8095
_HTTP_PORT: Final = 8000
_WIDTH: Final = 100


def _examples(*lines: str) -> str:
    """Return lines that click leaves as they are, below a command's options."""
    return "\n".join(line or "\n\b" for line in ("\b", "Examples:", *lines))


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click.Group
        with clean_exit():
            return super().invoke(ctx)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": _WIDTH},
    epilog=_examples(
        "See what it does:        backscroll demo",
        "Load conversations:      backscroll import conversations.jsonl",
        "Read them from a shell:  backscroll call list-threads limit=3",
        "Let a host read them:    backscroll connect vscode",
    ),
)
@click.version_option(version("backscroll"), message="%(prog)s %(version)s")
def commands() -> None:
    """Read and write stored conversations through MCP tools.

    Without a command: serve MCP over stdio, which is what an MCP host starts. Each setting is an
    option, or else a variable: --result-chars, or BACKSCROLL_RESULT_CHARS.
    """


@commands.command(
    epilog=_examples(
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
        from backscroll.commands.serve import serve as serve_stdio

        serve_stdio(settings)


@commands.command(
    short_help="Serve the embedded store's wire format.",
    epilog=_examples(
        "backscroll store &",
        "python -c 'from openai import OpenAI",
        f'store = OpenAI(base_url="http://127.0.0.1:{_PORT}/v1", api_key="none")',
        "print(store.beta.threads.create())'",
    ),
)
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=_PORT,
    show_default=True,
    help="0 for any free one.",
)
@with_settings("database", "log_level", "log_format")
def store(settings: Settings, host: str, port: int) -> None:
    """Serve the embedded store's wire format at /v1, on this machine alone.

    OpenAI's own client works against it unchanged.
    """
    import anyio

    from backscroll.commands.store_server import serve_store

    with interrupted_at_once():
        anyio.run(serve_store, settings, host, port)


@commands.command(
    short_help="Call a tool, or list the tools.",
    epilog=_examples(
        "backscroll call list-threads limit=3",
        "backscroll call list-messages thread_id=thread_abc preview_chars=80",
        'backscroll call create-message role=user content=Hi metadata:=\'{"a": "b"}\'',
        "backscroll call list-threads --json | jq .page.next_cursor",
    ),
)
@click.argument("tool", required=False)
@click.argument("arguments", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--json", "as_json", is_flag=True, help="Print the structured content.")
@with_settings(*EVERY)
def call(
    settings: Settings, tool: str | None, arguments: tuple[str, ...], *, as_json: bool
) -> None:
    """Call TOOL through the server, or without TOOL list the tools and their arguments.

    A value is typed as the tool says; NAME:=JSON passes any JSON. On a terminal, control
    characters in messages are shown and not obeyed; in a pipe the text is verbatim. Exit code 1
    is a tool error, whose text is on stderr.
    """
    from functools import partial

    import anyio

    from backscroll.commands.call import call_tool, describe, list_tools
    from backscroll.process.logs import configure

    configure(settings.log_level, settings.log_format)
    verbatim(sys.stdout)
    if tool is None:
        width = min(shutil.get_terminal_size().columns, _WIDTH)
        write(describe(anyio.run(list_tools, settings), width))
        return
    outcome = anyio.run(partial(call_tool, settings, tool, arguments, as_json=as_json))
    write(outcome.text, sys.stderr if outcome.is_error else sys.stdout)
    sys.exit(outcome.is_error)


@commands.command(
    "import",
    short_help="Take conversations in.",
    epilog=_examples(
        "backscroll import conversations.jsonl",
        "backscroll import chitchat --limit 100",
        'echo \'{"messages": [{"role": "user", "content": "Hello"}]}\' |',
        "    backscroll import -",
        "",
        "What a line holds (of a thread only the messages are needed):",
        '{"object": "thread", "id": …, "created_at": …, "metadata": {…}, "messages":',
        '    [{"role": "user", "content": "Hello", "created_at": …}, …]}',
        '{"object": "conversation", "id": …, "created_at": …, "metadata": {…}, "items":',
        '    [{"role": "user", "content": "Hello"}, {"type": …, …}, …]}',
        '{"object": "chat.completion", "id": …, "created": …, "model": …,',
        '    "choices": […], "messages": [{"role": "user", "content": "Hello"}, …]}',
    ),
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["auto", "chitchat", "jsonl"]),
    default="auto",
    show_default=True,
    help="What the files hold; auto looks at how each begins.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Take this many conversations at most.")
@with_settings("database", "project")
def import_(settings: Settings, paths: tuple[str, ...], kind: str, limit: int | None) -> None:
    """Import conversations from files, from stdin (-), or from chitchat-dataset (chitchat).

    A file holds JSON Lines of threads, conversations or stored chat completions, or is
    chitchat's dataset.json. What was imported before is not imported again. A bad line is
    refused by its number, the others are kept, and the exit code is 1.
    """
    from functools import partial

    import anyio

    from backscroll.commands.transfer.importing import import_sources, open_source

    stdin = sys.stdin.buffer
    sources = (open_source(path, kind, stdin) for path in paths)
    with interrupted_at_once():
        into = partial(import_sources, partition=settings.project)
        tally = anyio.run(into, settings.database_url, sources, _refuse, limit)
    click.echo(str(tally))
    sys.exit(tally.refused > 0)


@commands.command(
    short_help="Give all conversations out.",
    epilog=_examples(
        "backscroll export backup.jsonl",
        "backscroll export | gzip > backup.jsonl.gz",
    ),
)
@click.argument("path", default="-")
@with_settings("database", "project")
def export(settings: Settings, path: str) -> None:
    """Export everything in a partition of the store as JSON Lines, to a file or to stdout.

    Import takes the lines: into an empty store they bring back the same.
    """
    from functools import partial

    import anyio

    from backscroll.commands.progress import progress
    from backscroll.commands.transfer.exporting import export_to, new_file

    give_out = partial(export_to, partition=settings.project)
    if path == "-" and sys.stdout.isatty():
        anyio.run(give_out, settings.database_url, write)
    elif path == "-":
        verbatim(sys.stdout)
        with progress("stdout", None) as advance:
            anyio.run(give_out, settings.database_url, sys.stdout.write, advance)
    else:
        with new_file(Path(path)) as file, progress(path, None) as advance:
            lines = anyio.run(give_out, settings.database_url, file.write, advance)
        click.echo(f"{lines} exported to {path}", err=True)


@commands.command(short_help="Show what it does.")
def demo() -> None:
    """Show what it does, with real conversations in a temporary store; takes seconds.

    Needs the conversations: pip install 'backscroll[demo]'
    """
    import anyio

    from backscroll.commands.demo.show import run

    sys.exit(anyio.run(run))


commands.add_command(connect)
commands.add_command(doctor)
commands.add_command(token)


def _refuse(line: str) -> None:
    click.echo(f"backscroll: {plain(line)}", err=True)
