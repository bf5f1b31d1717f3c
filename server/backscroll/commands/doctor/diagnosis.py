"""Defines the diagnosis and its parts: settings, checks, and whether each tool will work."""

from typing import Final, Literal, TypeAlias

from msgspec import Struct

UNSET: Final = "not set"
"""The text shown for a setting without a value."""

Verdict: TypeAlias = Literal["ok", "unclear", "absent", "warning", "failed"]
"""The result of a check. `unclear`: the check could not decide. `absent`: the upstream does not
serve the checked endpoint group. That need not be a problem. `warning`: the checked thing works
now, but may fail later."""

Fitness: TypeAlias = Literal["works", "withheld", "broken"]
"""Whether a tool will work. `withheld`: the tool is not offered to agents."""


class ShownSetting(Struct, frozen=True):
    """A setting, its value, and where the value comes from.

    Attributes:
        name: the name of the field in `Settings`.
        value: the value as text, with secrets hidden.
        source: the flag or variable that sets the value, or `default`.
    """

    name: str
    value: str
    source: str


class Check(Struct, frozen=True):
    """The result of one check.

    Attributes:
        name: the name of what was checked, such as `database`.
        verdict: the result.
        detail: what the check found.
        ms: the response time in milliseconds; None if no request was sent.
        next_step: what the operator can do now; may be empty.
    """

    name: str
    verdict: Verdict
    detail: str
    ms: int | None = None
    next_step: str = ""


class ToolFitness(Struct, frozen=True):
    """Whether one tool will work.

    Attributes:
        name: the tool's name.
        fitness: whether the tool will work.
        detail: the endpoint groups that the tool will use; if the tool is not offered or will not
            work, the reason.
    """

    name: str
    fitness: Fitness
    detail: str


class Diagnosis(Struct, frozen=True):
    """The complete diagnosis.

    Attributes:
        version: Backscroll's version.
        python: the interpreter's version.
        settings: the settings.
        address: the base URL of the upstream; for the embedded store, `in this process`.
        checks: the results of the checks of the upstream. For the embedded store, also the results
            for its database, and for each program that has sessions on this machine or that
            `Settings.sources` names.
        http: the results of the checks of the HTTP server; empty if neither `host` nor a setting
            for HTTP was given.
        host: the address on which an HTTP server would listen; empty if it was not given.
        tools: every tool, in the order in which the server lists them.
        hosts: the results for the hosts (programs such as VS Code) that `backscroll connect`
            connected to Backscroll.
        notes: a sentence about each setting that is valid but may be unintended.
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
