"""Renders a diagnosis as text for people, or as JSON for scripts."""

import json
import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import to_builtins

from backscroll.commands.doctor.diagnosis import (
    UNSET,
    Check,
    Diagnosis,
    Fitness,
    ShownSetting,
    ToolFitness,
    Verdict,
)

_NAME_CHARS: Final = 22
_LABELS: Final[dict[Verdict | Fitness, str]] = {
    "ok": "ok",
    "works": "ok",
    "unclear": "?",
    "warning": "WARN",
    "absent": "-",
    "withheld": "-",
    "failed": "FAIL",
    "broken": "FAIL",
}
_LABEL_CHARS: Final = 6
_NARROW: Final = 60
"""On a terminal with fewer columns than this, details are printed below the names of the checks."""


def as_json(diagnosis: Diagnosis) -> str:
    """Return the diagnosis as indented JSON that begins with `is_well`."""
    return json.dumps(
        {"is_well": diagnosis.is_well, **to_builtins(diagnosis)}, ensure_ascii=False, indent=2
    )


def as_text(diagnosis: Diagnosis, width: int) -> str:
    """Return the diagnosis as text. Only long words make lines longer than `width` characters."""
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
            *(["", "Hosts", *_checks(diagnosis.hosts, width)] if diagnosis.hosts else []),
            *(["", *_notes(diagnosis.notes, width)] if diagnosis.notes else []),
            "",
            _conclusion(diagnosis),
        ]
    )


def _setting(one: ShownSetting, width: int) -> Iterator[str]:
    line = f"  {one.name:<{_NAME_CHARS}}{one.value}"
    source = "" if one.value == UNSET else f"  ({one.source})"
    if width < _NARROW and len(line) + len(source) > width:
        yield f"  {one.name}"
        yield from _on_own_lines(f"{one.value}{source}", width)
        return
    if len(line) + len(source) <= width:
        yield line + source
    else:
        yield line
        yield f"{'':<{_NAME_CHARS}}{source}"


def _checks(checks: Iterable[Check], width: int) -> Iterator[str]:
    shown = ""
    for check in checks:
        took = "" if check.ms is None else f" ({check.ms} ms)"
        yield from _row(check.verdict, check.name, f"{check.detail}{took}", width)
        if check.next_step and check.next_step != shown:
            yield from _row(None, "", f"Next: {check.next_step}", width)
        shown = check.next_step or shown


def _http(diagnosis: Diagnosis, width: int) -> Iterator[str]:
    if diagnosis.http:
        values = (one.value for one in diagnosis.settings if one.name == "http_auth")
        auth = next(values, "none")
        yield from ("", f"HTTP: {auth}{diagnosis.host and f', {diagnosis.host}'}")
        yield from _checks(diagnosis.http, width)


def _tool(tool: ToolFitness, width: int) -> Iterator[str]:
    yield from _row(tool.fitness, tool.name, tool.detail, width)


def _row(verdict: Verdict | Fitness | None, name: str, detail: str, width: int) -> Iterator[str]:
    first = f"  {_LABELS[verdict] if verdict else '':<{_LABEL_CHARS}}{name:<{_NAME_CHARS - 1}} "
    if width < _NARROW and len(first) + len(detail) > width:
        if name:
            yield first.rstrip()
        yield from _on_own_lines(detail, width)
        return
    yield from textwrap.wrap(
        detail,
        width,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _on_own_lines(text: str, width: int) -> Iterator[str]:
    indent = " " * (2 + _LABEL_CHARS)
    yield from textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _notes(notes: Iterable[str], width: int) -> Iterator[str]:
    for note in notes:
        yield from textwrap.wrap(f"Note: {note}", width, subsequent_indent="      ")


def _conclusion(diagnosis: Diagnosis) -> str:
    if diagnosis.is_well:
        return "No problems."
    checks = (*diagnosis.checks, *diagnosis.http)
    failed = sum(check.verdict == "failed" for check in checks)
    broken = sum(tool.fitness == "broken" for tool in diagnosis.tools)
    offered = sum(tool.fitness != "withheld" for tool in diagnosis.tools)
    return f"Failed checks: {failed}. Tools that will not work: {broken} of {offered}."
