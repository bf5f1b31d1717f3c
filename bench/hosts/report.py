"""What the runs found: as JSON, and as the section of docs/hosts.md."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
RESULTS: Final = Path("bench", "hosts", "results.json")
PAGE: Final = Path("docs", "hosts.md")

_BEGIN: Final = "<!-- measured -->\n"
_END: Final = "<!-- /measured -->"

_HEAD: Final = """\
`make hosts` installs the hosts below from npm, connects each in an empty home folder with
`backscroll connect`, and lets it run without a screen against a scripted model on loopback. The
model calls `list-messages` three times: for 20 short messages, for a thread of 400,000 characters,
and for a thread that does not exist. The tables show what each host then sent to its model. Tokens
are those of o200k.
"""

_RULES_HEAD: Final = """\
Tokens of 20 short messages by the rule of each host, including hosts that cannot run without a
screen or an account (median of {samples} real conversations). The settings are those that `connect`
writes. `connect` writes none for ChatGPT and Pydantic AI: set `BACKSCROLL_OUTPUT=text` for the
server that they call.
"""


def write(results: Mapping[str, Any], root: Path = ROOT) -> tuple[Path, Path]:
    """Write the results and the section, and return the paths of both files.

    Args:
        results: what `__main__` has collected.
        root: the root of the repository.
    """
    data, page = root / RESULTS, root / PAGE
    data.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    page.write_text(f"{before}{begin}{section(results)}{end}{after}", encoding="utf-8")
    return data, page


def section(results: Mapping[str, Any]) -> str:
    """Return the section, in Markdown."""
    lines = [f"Measured on {results['date']}.", "", _HEAD, *_hosts(results["hosts"])]
    rules = results["rules"]
    lines += [_RULES_HEAD.format(samples=rules["samples"]), *_rules(rules["hosts"])]
    return "\n".join(lines) + "\n"


def _hosts(hosts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    ran = [host for host in hosts if not host.get("failure")]
    yield "| host | tools | deferred | tokens of all tools | lost of their schemas |"
    yield "| --- | ---: | ---: | ---: | --- |"
    for host in ran:
        tools = host["tools"]
        lost = ", ".join(f"`{word}`" for word in host["lost"]) or "nothing"
        deferred = sum(tool["deferred"] for tool in tools)
        name = f"{host['title']} {host['version']}"
        yield f"| {name} | {len(tools)} | {deferred} | {host['tool_tokens']:,} | {lost} |"
    yield ""
    yield "| host | settings | 20 short messages | a long thread | an error |"
    yield "| --- | --- | --- | --- | --- |"
    for host in ran:
        for run in host["runs"]:
            cells = [cell(run["shown"].get(step)) for step in ("short", "long", "error")]
            yield f"| {host['title']} | {run['settings']} | {' | '.join(cells)} |"
    yield ""
    for host in hosts:
        if host.get("failure"):
            yield f"- {host['title']} did not run: {host['failure']}"
        elif host["note"]:
            yield f"- {host['title']}: {host['note']}"
    away = {host["title"]: host["elsewhere"] for host in ran if host["elsewhere"]}
    if away:
        yield (
            "- Hosts that asked for another machine, which the run refused: "
            + "; ".join(f"{title} ({', '.join(names)})" for title, names in away.items())
            + "."
        )
    yield ""


def cell(shown: Mapping[str, Any] | None) -> str:
    """Return how a table shows what the model got of one result."""
    if shown is None:
        return "nothing"
    if shown["part"] == "neither":
        return f"neither part, {shown['tokens']:,} tokens"
    cut = "" if shown["whole"] else ", cut"
    return f"{shown['part']}{cut}, {shown['tokens']:,} tokens"


def _rules(hosts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "| host | of both parts, its model gets | settings | tokens | without settings |"
    yield "| --- | --- | --- | ---: | ---: |"
    for host in hosts:
        settings = ", ".join(f"`{each}`" for each in host["settings"]) or "none"
        yield (
            f"| {host['title']} | {host['shows']} | {settings} "
            f"| {host['tokens']:,} | {host['without']:,} |"
        )
