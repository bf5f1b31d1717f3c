"""A diagnosis as text for a person, or as JSON for a script."""

import json
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Final

from backscroll.commands.doctor.diagnosis import (
    UNSET,
    Check,
    Diagnosis,
    Fitness,
    Made,
    ToolFitness,
    Verdict,
)

_NAME: Final = 22
_MARKS: Final[dict[Verdict | Fitness, str]] = {
    "ok": "ok",
    "works": "ok",
    "unclear": "?",
    "warning": "WARN",
    "absent": "-",
    "withheld": "-",
    "failed": "FAIL",
    "broken": "FAIL",
}
_MARK: Final = 6


def as_json(diagnosis: Diagnosis) -> str:
    """Return the diagnosis as indented JSON, `is_well` first."""
    return json.dumps(
        {"is_well": diagnosis.is_well, **asdict(diagnosis)}, ensure_ascii=False, indent=2
    )


def as_text(diagnosis: Diagnosis, width: int) -> str:
    """Return the diagnosis as text, wrapped at `width` characters except within long words."""
    return "\n".join(
        [
            f"Backscroll {diagnosis.version}, Python {diagnosis.python}",
            "",
            "Settings",
            *(line for one in diagnosis.settings for line in _setting(one, width)),
            "",
            f"Upstream: {diagnosis.settings[0].value}, {diagnosis.address}",
            *_checks(diagnosis.checks, width),
            *_http(diagnosis, width),
            "",
            "Tools",
            *(line for tool in diagnosis.tools for line in _tool(tool, width)),
            *(["", *_notes(diagnosis.notes, width)] if diagnosis.notes else []),
            "",
            _conclusion(diagnosis),
        ]
    )


def _setting(one: Made, width: int) -> Iterator[str]:
    line = f"  {one.name:<{_NAME}}{one.value}"
    source = "" if one.value == UNSET else f"  ({one.source})"
    if len(line) + len(source) <= width:
        yield line + source
    else:
        yield line
        yield f"{'':<{_NAME}}{source}"


def _checks(checks: Iterable[Check], width: int) -> Iterator[str]:
    said = ""
    for check in checks:
        took = "" if check.ms is None else f" ({check.ms} ms)"
        yield from _row(check.verdict, check.name, f"{check.detail}{took}", width)
        if check.next_step and check.next_step != said:
            yield from _row(None, "", f"Next: {check.next_step}", width)
        said = check.next_step or said


def _http(diagnosis: Diagnosis, width: int) -> Iterator[str]:
    if diagnosis.http:
        made = (one.value for one in diagnosis.settings if one.name == "http_auth")
        auth = next(made, "none")
        yield from ("", f"HTTP: {auth}{diagnosis.host and f', {diagnosis.host}'}")
        yield from _checks(diagnosis.http, width)


def _tool(tool: ToolFitness, width: int) -> Iterator[str]:
    yield from _row(tool.fitness, tool.name, tool.detail, width)


def _row(mark: Verdict | Fitness | None, name: str, detail: str, width: int) -> Iterator[str]:
    first = f"  {_MARKS[mark] if mark else '':<{_MARK}}{name:<{_NAME}}"
    yield from textwrap.wrap(
        detail,
        width,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _notes(notes: Iterable[str], width: int) -> Iterator[str]:
    for note in notes:
        yield from textwrap.wrap(f"Note: {note}", width, subsequent_indent="      ")


def _conclusion(diagnosis: Diagnosis) -> str:
    if diagnosis.is_well:
        return "All well."
    checks = (*diagnosis.checks, *diagnosis.http)
    failed = sum(check.verdict == "failed" for check in checks)
    broken = sum(tool.fitness == "broken" for tool in diagnosis.tools)
    offered = sum(tool.fitness != "withheld" for tool in diagnosis.tools)
    return f"Not well: {failed} failed, and {broken} of {offered} tools will not work."
