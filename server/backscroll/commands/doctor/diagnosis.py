"""The types that make up a diagnosis."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

UNSET: Final = "not set"
"""The text shown for a setting without a value."""

Verdict: TypeAlias = Literal["ok", "unclear", "absent", "warning", "failed"]
"""The result of a check. `absent`: the upstream does not serve the endpoints, which is not always a
problem. `warning`: everything works now, but can fail later."""

Fitness: TypeAlias = Literal["works", "withheld", "broken"]
"""Whether a tool will work. `withheld`: the tool is not offered to agents."""


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """A setting with its value and source.

    Attributes:
        name: the name of the field in `Settings`.
        value: the value as text, with secrets hidden.
        source: the flag or variable that set it, or `default`.
    """

    name: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check.

    Attributes:
        name: the name of the checked thing, such as `database`.
        verdict: the result.
        detail: the findings.
        ms: the response time in milliseconds; None if no request was sent.
        next_step: how to fix the problem; empty if there is none.
    """

    name: str
    verdict: Verdict
    detail: str
    ms: int | None = None
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class ToolFitness:
    """Whether one tool will work. `detail` names its endpoints, or says why it will not work."""

    name: str
    fitness: Fitness
    detail: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The complete diagnosis.

    Attributes:
        version: Backscroll's version.
        python: the interpreter's version.
        settings: the settings.
        address: the address of the upstream.
        checks: the checks of the upstream.
        http: the checks of HTTP; empty if neither a host nor a setting for HTTP is given.
        host: the address that an HTTP server would listen on; empty if not given.
        tools: every tool, in the order in which the server lists them.
        hosts: the checks of the hosts that Backscroll is connected to on this machine.
        notes: settings that are valid but may be unintended, one sentence each.
    """

    version: str
    python: str
    settings: tuple[ShownSetting, ...]
    address: str
    checks: tuple[Check, ...]
    tools: tuple[ToolFitness, ...]
    notes: tuple[str, ...]
    http: tuple[Check, ...] = ()
    host: str = ""
    hosts: tuple[Check, ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether no check failed and every offered tool will work."""
        return not (
            any(check.verdict == "failed" for check in (*self.checks, *self.http))
            or any(tool.fitness == "broken" for tool in self.tools)
        )
