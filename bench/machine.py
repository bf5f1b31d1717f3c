"""The machine that figures come from, and what ran on it: they mean little without."""

import json
import os
import platform
import re
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from bench.figures import Taken

_ROOT: Final = Path(__file__).parents[1]
_PINS: Final = _ROOT / ".ci" / "bench-requirements.txt"
_GATEWAY_PINS: Final = _ROOT / "bench" / "peers" / "gateways-requirements.txt"
_NODE_PINS: Final = _ROOT / "bench" / "peers" / "node" / "package.json"


def now() -> Taken:
    """Return the time, commit, load and processor at which a measurement begins."""
    load = " ".join(f"{value:.1f}" for value in os.getloadavg()) if os.name == "posix" else "?"
    return Taken(f"{datetime.now(UTC):%Y-%m-%d}", _commit(), load, _processor())


def describe() -> dict[str, str]:
    """Return what the figures depend on, in words."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "Backscroll": version("backscroll"),
        "mcp": version("mcp"),
        **_peers(),
    }


def _peers() -> dict[str, str]:
    """Return the pinned versions of what Backscroll is measured against."""
    pins = _PINS.read_text(encoding="utf-8")
    python = dict(re.findall(r"^(fastmcp|iflow\S+-assistant|openai)==(\S+)", pins, re.MULTILINE))
    gateways = _GATEWAY_PINS.read_text(encoding="utf-8")
    python |= re.findall(r"^(litellm)==(\S+)", gateways, re.MULTILINE)
    node = json.loads(_NODE_PINS.read_text(encoding="utf-8"))["dependencies"]
    return python | {name: node[name] for name in node if name.startswith("@modelcontextprotocol")}


def _commit() -> str:
    """Return the commit that is measured, with `-dirty` if files differ from it.

    Outside of a clone, it is `unknown`.
    """
    command = ["git", "describe", "--always", "--dirty", "--abbrev=9"]
    try:
        found = subprocess.run(
            command, cwd=_ROOT, capture_output=True, encoding="utf-8", check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def _processor() -> str:
    """Return the processor's own name, which `platform` does not know on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
