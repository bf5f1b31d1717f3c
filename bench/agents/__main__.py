"""`python -m bench.agents [AGENT]...`: run agents, and show what was recorded of them."""

import sys
from datetime import UTC, datetime
from typing import Final

import click

from bench.agents import report
from bench.agents.programs import AGENTS
from bench.agents.session import Session, run
from bench.figures import UnmeasuredError
from bench.hosts.programs import version

_NAMES: Final = tuple(dict.fromkeys(agent.program.name for agent in AGENTS))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, metavar="[AGENT]...", type=click.Choice(_NAMES))
@click.option("--write", is_flag=True, help="Also write docs/recorder.md.")
def main(names: tuple[str, ...], *, write: bool) -> None:
    """Run a session of each AGENT, or of all, through the recorder, and read it back."""
    if write and names:
        raise click.UsageError("--write wants every agent: leave their names out.")
    found: dict[tuple[str, str], Session | str] = {}
    for agent in AGENTS:
        if names and agent.program.name not in names:
            continue
        click.echo(f"running {agent.title}", err=True)
        installed = version(agent.program)
        try:
            found[agent.title, installed] = run(agent) if installed else "it is not installed."
        except UnmeasuredError as error:
            found[agent.title, installed] = str(error)
    text = report.section(datetime.now(UTC).date().isoformat(), found)
    click.echo(text)
    if write:
        click.echo(f"wrote {report.write(text).relative_to(report.ROOT)}", err=True)
    sys.exit(any(isinstance(session, str) for session in found.values()))


if __name__ == "__main__":
    main(prog_name="python -m bench.agents")
