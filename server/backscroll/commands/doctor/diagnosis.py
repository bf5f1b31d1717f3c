"""What a diagnosis holds."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

UNSET: Final = "not set"
"""The value of a setting that has none."""

Verdict: TypeAlias = Literal["ok", "unclear", "absent", "warning", "failed"]
"""How a check went. `absent`: the upstream does not serve it, which need not be wrong. `warning`:
it is well now, and will or may not be."""

Fitness: TypeAlias = Literal["works", "withheld", "broken"]
"""Whether a tool will work; `withheld`: agents are not offered it."""


@dataclass(frozen=True, slots=True)
class Made:
    """One setting as it was made.

    Attributes:
        name: the field of `Settings`.
        value: safe to show.
        source: a flag, a variable, or `default`.
    """

    name: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried.

    Attributes:
        name: what it was.
        verdict: how it went.
        detail: what was found.
        ms: how long the answer took, in milliseconds, where one was waited for.
        next_step: what to do about it, where something is to be done.
    """

    name: str
    verdict: Verdict
    detail: str
    ms: int | None = None
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class ToolFitness:
    """Whether one tool will work, and why, or on what."""

    name: str
    fitness: Fitness
    detail: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that was found.

    Attributes:
        version: Backscroll's.
        python: the interpreter's version.
        settings: every setting.
        address: where the upstream is.
        checks: what was tried there.
        http: what was tried of serving over HTTP, where anything is set for it.
        host: what a server over HTTP is to listen on, where it was said.
        tools: every tool, in the order in which hosts see them.
        notes: what is not wrong, and may not be meant.
    """

    version: str
    python: str
    settings: tuple[Made, ...]
    address: str
    checks: tuple[Check, ...]
    tools: tuple[ToolFitness, ...]
    notes: tuple[str, ...]
    http: tuple[Check, ...] = ()
    host: str = ""

    @property
    def is_well(self) -> bool:
        """Whether no check failed and every tool that is offered will work."""
        return not (
            any(check.verdict == "failed" for check in (*self.checks, *self.http))
            or any(tool.fitness == "broken" for tool in self.tools)
        )
