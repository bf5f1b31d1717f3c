"""`python -m bench.hosts [HOST]...`: run hosts, and show what their models get."""

import asyncio
import json
import statistics
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import click

from backscroll.commands.connect.entry import variables
from backscroll.commands.connect.hosts import BY_NAME as CONNECTED
from bench.conversations import database, fill
from bench.figures import UnmeasuredError
from bench.host import Program, started
from bench.hosts import report, results
from bench.hosts.programs import PROGRAMS, HostProgram, version
from bench.hosts.rules import RULES
from bench.hosts.run import run
from bench.hosts.threads import SHORT, STEPS, short_thread, threads
from bench.servers import backscroll
from tests.clients.nodejs import count_tokens

SAMPLES: Final = 30
"""How many conversations the figures of the rules are a median of."""

UNSUITED: Final = {"output": "both", "result-chars": "200000"}
"""Settings of `connect` that adapt nothing to the host: both parts, as long as they may be."""

STEP_NAMES: Final = {"call_short": "short", "call_long": "long", "call_error": "error"}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument(
    "names", nargs=-1, metavar="[HOST]...", type=click.Choice([each.name for each in PROGRAMS])
)
@click.option("--rules", "only_rules", is_flag=True, help="Run no host; only count by the rules.")
@click.option("--write", is_flag=True, help="Also write docs/hosts.md and the results.")
def main(names: tuple[str, ...], *, only_rules: bool, write: bool) -> None:
    """Run each HOST, or all of them, against a scripted model, and show what its model gets.

    With --write, hosts that do not run this time keep their last results.
    """
    kept: dict[str, Any] = {}
    path = report.ROOT / report.RESULTS
    if path.exists():
        kept = {host["name"]: host for host in json.loads(path.read_text("utf-8"))["hosts"]}
    with database() as url:
        asyncio.run(fill(url, threads(SAMPLES)))
        for program in () if only_rules else PROGRAMS:
            if not names or program.name in names:
                click.echo(f"running {program.name}", err=True)
                kept[program.name] = _measured(program, url)
        found = {
            "date": datetime.now(UTC).date().isoformat(),
            "hosts": [kept[program.name] for program in PROGRAMS if program.name in kept],
            "rules": {"samples": SAMPLES, "hosts": _by_rule(url)},
        }
    click.echo(report.section(found))
    if write:
        for written in report.write(found):
            click.echo(f"wrote {written.relative_to(report.ROOT)}", err=True)


def _server(url: str, settings: Mapping[str, str]) -> Program:
    program = backscroll(url)
    return Program(program.command, program.environ | variables(settings))


def _measured(program: HostProgram, url: str) -> dict[str, Any]:
    """Run a host with the settings that `connect` writes, and without them."""
    host = CONNECTED[program.name]
    found: dict[str, Any] = {
        "name": program.name,
        "title": host.title,
        "version": version(program),
        "note": program.note,
    }
    if not found["version"]:
        return {**found, "failure": "it is not installed."}
    runs: list[dict[str, Any]] = []
    try:
        runs.append(_one(program, url, {}, host.suited, found))
        unsuited = {name.replace("-", "_"): value for name, value in UNSUITED.items()}
        runs.append(_one(program, url, UNSUITED, unsuited, {}))
    except UnmeasuredError as error:
        return {**found, "failure": str(error)}
    return {**found, "runs": runs}


def _one(
    program: HostProgram,
    url: str,
    options: Mapping[str, str],
    settings: Mapping[str, str],
    found: dict[str, Any],
) -> dict[str, Any]:
    """Run a host once, and add what it did with the tools to `found`.

    Raises:
        UnmeasuredError: the model got no result.
    """
    with started(_server(url, settings)) as server:
        answers = results.sent(server, STEPS)
        listed = server.request("tools/list")["tools"]
    ran = run(program, url, options)
    shown = results.shown(ran.model, answers)
    if not shown:
        asked = len(ran.model.requests)
        raise UnmeasuredError(
            f"its model got no result in {asked} requests; exit code {ran.exit_code}; "
            f"its last words: {ran.output.strip()[-300:]}"
        )
    tools = results.tools(ran.model, listed)
    counts = count_tokens([*(each.text for each in shown), *(tool.text for tool in tools)])
    found["tools"] = [
        {"name": tool.name, "called": tool.called, "deferred": tool.deferred,
         "described": tool.described}
        for tool in tools
    ]  # fmt: skip
    found["tool_tokens"] = sum(counts[len(shown) :])
    found["lost"] = sorted({word for tool in tools for word in tool.lost})
    found["elsewhere"] = sorted(
        {name.removeprefix("CONNECT ") for name in ran.model.other if name.startswith("CONNECT ")}
    )
    return {
        "settings": ", ".join(f"`{name}={text}`" for name, text in variables(settings).items())
        or "none",
        "shown": {
            STEP_NAMES[each.step]: {"part": each.part, "whole": each.whole, "tokens": count}
            for each, count in zip(shown, counts, strict=False)
        },
    }


def _by_rule(url: str) -> list[dict[str, Any]]:
    """Return the tokens of a page of short messages by each host's rule."""
    tokens: dict[tuple[str, str], int] = {}
    for output in ("both", "text"):
        with started(_server(url, {"output": output})) as server:
            pages = [
                server.call("list-messages", thread_id=short_thread(number), limit=SHORT)
                for number in range(SAMPLES)
            ]
        texts = ["\n".join(block["text"] for block in page["content"]) for page in pages]
        tokens[output, "text"] = round(statistics.median(count_tokens(texts)))
        if output == "both":
            texts = [_compact(page["structuredContent"]) for page in pages]
            tokens[output, "structured"] = round(statistics.median(count_tokens(texts)))
            tokens[output, "both"] = tokens[output, "text"] + tokens[output, "structured"]
    return [
        {
            "title": rule.title,
            "shows": rule.shows,
            "settings": [f"{name}={text}" for name, text in variables(rule.settings).items()],
            "tokens": tokens["text", "text"]
            if rule.settings.get("output") == "text"
            else tokens["both", rule.shows],
            "without": tokens["both", rule.shows],
        }
        for rule in RULES
    ]


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main(prog_name="python -m bench.hosts")
