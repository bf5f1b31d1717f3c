"""Starts an entry's server once, as the host would, before the entry is written."""

import json
import subprocess
from typing import Any, Final

from msgspec import Struct

from backscroll.commands.connect.entry import KEY, HostEntry
from backscroll.commands.connect.machine import Machine
from backscroll.process.exits import CommandError
from backscroll.settings.model import OPENAI, PREFIX
from backscroll_tools.plain import plain

_INITIALIZE: Final = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "backscroll-connect", "version": "1"},
    },
}
_REASON_CHARS: Final = 500


class Start(Struct, frozen=True):
    """Starts the server of an entry to check that it works.

    Attributes:
        entry: the entry.
        machine: gives the server's environment and working folder.
        limit_s: the time limit for each process, in seconds. It allows for the download of a
            package at the first start.
    """

    entry: HostEntry
    machine: Machine
    limit_s: float = 180.0

    def check(self) -> None:
        """Start the server. If it uses the embedded store, also check the store's database.

        During the check, the server writes nothing, and sends no request to an upstream.

        Raises:
            CommandError: the server does not start, or cannot use its database.
        """
        answer = self._run(json.dumps(_INITIALIZE) + "\n")
        if "result" not in _object(answer.stdout.partition("\n")[0]):
            raise CommandError(f"the server does not start{_reason(answer.stderr)}")
        if self.entry.settings.get(f"{PREFIX}UPSTREAM", "store") == "store":
            diagnosis = _object(self._run("", "doctor", "--json").stdout)
            for check in diagnosis.get("checks", ()):
                if check["verdict"] == "failed":
                    said = f": {check['detail']}. {check['next_step']}"
                    raise CommandError(f"the server cannot use its database{said.rstrip()}")

    def _run(self, text: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run the entry's command with `text` as its stdin, until it ends.

        Raises:
            CommandError: the command cannot be run, or takes too long.
        """
        command = (*self.entry.command, *arguments)
        try:
            return subprocess.run(  # noqa: S603 - the host will run it too
                command,
                input=text,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                cwd=self.machine.home,
                env=self._variables(),
                timeout=self.limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise CommandError(f"{command[0]} took longer than {self.limit_s:g} s") from None
        except OSError as error:
            raise CommandError(f"{command[0]} cannot be run: {error.strerror or error}") from None

    def _variables(self) -> dict[str, str]:
        """Return the environment that a host would pass to the server.

        The settings come only from the entry, not from this process's own environment.
        """
        environ = {
            name: value
            for name, value in self.machine.environ.items()
            if not name.startswith(PREFIX) and name not in OPENAI.values()
        }
        if self.entry.needs_key:
            environ[KEY] = self.entry.key or "supplied-by-the-host"
        return environ | dict(self.entry.settings)


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _reason(errors: str) -> str:
    """Return the error message, which is the last line of stderr, as the end of a sentence."""
    lines = [line for line in plain(errors).splitlines() if line.strip()]
    return f": {lines[-1].removeprefix('backscroll: ')[:_REASON_CHARS]}" if lines else ""
