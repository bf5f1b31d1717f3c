"""Runs a host's own command, which adds or removes a server, and checks the file that it writes."""

import re
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from backscroll.commands.connect import host_file
from backscroll.commands.connect.configuration import (
    disconnected,
    entry_in,
    inputs,
    other_servers,
    server,
    whole,
)
from backscroll.commands.connect.entry import KEY, HostEntry
from backscroll.commands.connect.hosts import Host
from backscroll.commands.connect.jsonc import BOM, MalformedError
from backscroll.commands.connect.machine import Machine
from backscroll.commands.connect.own_command import OwnCommand
from backscroll.commands.connect.ownership import is_ours, merged
from backscroll.commands.connect.secrecy import hidden, holds_password
from backscroll.process.exits import CommandError
from backscroll_tools.plain import plain

_OUTPUT_BYTES: Final = 65_536
_REASON_CHARS: Final = 300
_BATCH_FILES: Final = (".cmd", ".bat")
_COLOR: Final = re.compile(r"\x1b\[[0-9;]*m")
_KEYS: Final = frozenset({KEY, "OPENAI_API_KEY"})


class Run(Struct, frozen=True):
    """The prepared calls of a host's command-line program, which edit the host's configuration.

    Attributes:
        host: the host.
        path: the configuration file that the program edits.
        program: the path of the program.
        steps: the arguments of each call of the program, in order.
        wanted: Backscroll's entry that the file must contain afterwards; None if the file must not
            contain such an entry.
        machine: gives the command's environment and working folder.
    """

    host: Host
    path: Path
    program: str
    steps: tuple[tuple[str, ...], ...]
    wanted: Mapping[str, Any] | None
    machine: Machine

    def shown(self) -> str:
        """Return the commands in shell syntax, one per line."""
        name = Path(self.program).name
        return "\n".join(f"  {shlex.join((name, *step))}" for step in self.steps)

    def execute(self, limit_s: float = 60.0) -> None:
        """Run all steps, then check that the file has the wanted entry and kept all other servers.

        Args:
            limit_s: the time limit for each step, in seconds.

        Raises:
            CommandError: a step failed, took too long, or wrote a different entry. If the servers
                in the file have changed, the file is restored.
        """
        before = host_file.read(self.path)
        others = other_servers(self.host, before or "")
        try:
            for step in self.steps:
                self._step(step, limit_s)
            self._check(others)
        except CommandError:
            if not self._contains(entry_in(self.host, before or ""), others):
                host_file.replace(self.path, before)
            raise

    def _step(self, arguments: tuple[str, ...], limit_s: float) -> None:
        """Run one step in an environment without upstream keys.

        Raises:
            CommandError: the step failed or took too long; the message is one line.
        """
        verbs = arguments[:2] if arguments[0] == "mcp" else arguments[:1]
        shown = " ".join((Path(self.program).name, *verbs))
        environ = {name: text for name, text in self.machine.environ.items() if name not in _KEYS}
        with tempfile.TemporaryFile() as output:
            try:
                code = subprocess.run(  # noqa: S603 - the user agreed to run it
                    (self.program, *arguments),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=self.machine.home,
                    env=environ,
                    timeout=limit_s,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired:
                raise CommandError(f"{shown} took longer than {limit_s:g} s") from None
            except OSError as error:
                raise CommandError(f"{shown} cannot be run: {error.strerror or error}") from None
            output.seek(0)
            printed = output.read(_OUTPUT_BYTES).decode("utf-8", "replace")
        if code:
            raise CommandError(f"{shown} failed (exit code {code}){_reason(printed)}")

    def _check(self, others: Mapping[str, Any]) -> None:
        """Check that the file has the wanted entry, and that all other servers are unchanged.

        Raises:
            CommandError: the entry is not the wanted one, or another server has changed.
        """
        if not self._contains(self.wanted, others):
            name = Path(self.program).name
            raise CommandError(f"{name} did not write the expected entry to {self.path}")

    def _contains(self, entry: Mapping[str, Any] | None, others: Mapping[str, Any]) -> bool:
        """Return whether the file has this entry of Backscroll and exactly these other servers.

        Raises:
            CommandError: the file cannot be read.
        """
        text = host_file.read(self.path) or ""
        try:
            return entry_in(self.host, text) == entry and other_servers(self.host, text) == others
        except MalformedError:
            return False


def adding(host: Host, machine: Machine, path: Path, entry: HostEntry) -> Run | str:
    """Return the calls of a host's own program that add an entry to the host's file.

    If the program cannot be used, return the reason as a text. The caller then edits the file.

    Args:
        host: the host. If the host has no program of its own, the reason is empty.
        machine: the machine on which to look for the host's command.
        path: the host's file. If it exists, it must be well-formed.
        entry: the entry to add.

    Raises:
        CommandError: the file cannot be read.
    """
    if host.own is None:
        return ""
    text, wanted = host_file.read(path) or "", server(host, entry)
    program = machine.program(host.own.program)
    reason = _unusable(host.own, program, path)
    if text.startswith(BOM):
        reason = reason or f"{path} has a byte order mark, which {host.own.program} might not read"
    found = entry_in(host, text)
    if found and (not is_ours(found) or whole(merged(found, wanted)) != whole(wanted)):
        reason = reason or f"{host.own.program} would drop fields that the entry has now"
    if entry.key or any(map(holds_password, entry.settings.values())):
        reason = reason or f"{host.own.program} would show the secret in the list of processes"
    if reason := reason or _limitation(host.own, wanted, disconnected(host, text)):
        return reason
    steps = [host.own.add(wanted, inputs(host, entry))]
    if not host.own.replaces and entry_in(host, text) is not None:
        steps.insert(0, host.own.remove)
    return Run(host, path, program, tuple(steps), whole(wanted), machine)


def removing(host: Host, machine: Machine, path: Path) -> Run | str:
    """Return the run that removes Backscroll, or the reason to edit the host's file instead.

    Raises:
        CommandError: the file cannot be read.
    """
    if host.own is None:
        return ""
    program = machine.program(host.own.program)
    reason = _unusable(host.own, program, path)
    if not host.own.remove:
        reason = reason or f"{host.own.program} cannot remove a server"
    text = disconnected(host, host_file.read(path) or "")
    reason = reason or _limitation(host.own, {}, text)
    return reason or Run(host, path, program, (host.own.remove,), None, machine)


def _unusable(own: OwnCommand, program: str, path: Path) -> str:
    if not program:
        return f"{own.program} is not on PATH"
    if program.lower().endswith(_BATCH_FILES):
        return f"{own.program} is a batch file, which would change quotes in its arguments"
    if path.is_symlink():
        return f"{path} is a symbolic link, which {own.program} might replace"
    return ""


def _limitation(own: OwnCommand, server: Mapping[str, Any], rest: str) -> str:
    reason = own.lacks(server, rest)
    return f"{own.program} {reason}" if reason else ""


def _reason(printed: str) -> str:
    """Return the first line that starts with `error`, or else the first line, shortened."""
    lines = [plain(_COLOR.sub("", line)).strip() for line in printed.splitlines()]
    lines = [line for line in lines if line]
    errors = [line for line in lines if line.lower().startswith("error")]
    first = (errors or lines or [""])[0]
    return f": {hidden(first[:_REASON_CHARS])}" if first else ""
