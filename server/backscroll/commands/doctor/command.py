"""The click command `backscroll doctor`."""

import os
import sys
from pathlib import Path

import click

from backscroll.commands.examples import examples
from backscroll.commands.options import SERVING, Flags, with_flags
from backscroll.commands.terminal import columns, verbatim, write


@click.command(
    short_help="Check the settings and the upstream, and explain what is wrong.",
    epilog=examples(
        "backscroll doctor",
        "backscroll doctor --upstream compatible --base-url http://127.0.0.1:8321/v1",
        "backscroll doctor --host 0.0.0.0 --http-auth token",
        "backscroll doctor --json | jq .checks",
    ),
)
@click.option("--json", "as_json", is_flag=True, help="Print the diagnosis as JSON.")
@click.option(
    "--host",
    default="",
    help="Check who could call an HTTP server on this address.",
)
@with_flags(*SERVING)
def doctor(flags: Flags, *, host: str, as_json: bool) -> None:
    """Check the settings and where they come from, the upstream, and which tools will work.

    If --host or a setting for HTTP is given, also checks who can call the server, the certificate,
    the issuer and the tokens. Warns if Backscroll's entry in the configuration file of an MCP host
    lacks a setting. Nothing is written, except that an existing database of the store is brought up
    to date: missing tables are created and old ones are migrated, as when the server opens it. No
    key is shown. The exit code is 0 if there are no problems, 1 if there are, and 2 if a setting is
    invalid. Each problem is shown with a way to fix it.
    """
    from functools import partial

    import anyio
    from msgspec.structs import replace

    from backscroll.commands.connect.machine import Machine
    from backscroll.commands.doctor import report
    from backscroll.commands.doctor.examination import examine
    from backscroll.commands.doctor.host_entries import check_hosts
    from backscroll.process.logs import configure
    from backscroll.settings.loading import load, sources

    verbatim()
    settings = load(flags)
    configure(settings.log_level, settings.log_format)
    examined = anyio.run(partial(examine, settings, sources(flags), host=host))
    machine = Machine(sys.platform, os.environ, Path.home())
    diagnosis = replace(examined, hosts=check_hosts(machine))
    write(report.as_json(diagnosis) if as_json else report.as_text(diagnosis, columns()))
    sys.exit(not diagnosis.is_well)
