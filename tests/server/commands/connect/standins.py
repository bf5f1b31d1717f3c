"""Stand-ins for the hosts' own commands, which read and write files as observed.

Claude Code 2.1.197, Codex 0.171.0 and Gemini CLI 0.61.0 were run in an empty home folder; VS Code's
source was read. A stand-in writes its arguments and the names of its variables to `calls.jsonl`
beside it; the file `failing` there says how it fails.
"""

import json
import os
import re
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

COMMANDS: Final = ("claude", "codex", "gemini", "code")


def install(folder: Path, *programs: str) -> None:
    """Put stand-ins into a folder, which the caller puts on PATH."""
    folder.mkdir(exist_ok=True)
    for program in programs:
        path = folder / program
        path.write_text(f"#!{sys.executable}\n{Path(__file__).read_text()}")
        path.chmod(0o755)


def calls(folder: Path) -> list[list[str]]:
    """Return the commands that were run, each as program and arguments."""
    log = folder / "calls.jsonl"
    return (
        [json.loads(line)["argv"] for line in log.read_text().splitlines()] if log.exists() else []
    )


def variables(folder: Path) -> set[str]:
    """Return the names of all variables that were passed on."""
    lines = (folder / "calls.jsonl").read_text().splitlines()
    return {name for line in lines for name in json.loads(line)["variables"]}


def _claude(arguments: list[str], home: Path) -> str:
    path = home / ".claude.json"
    data: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    servers = data.setdefault("mcpServers", {})
    match arguments:
        case ["mcp", "add-json", "--scope", "user", name, text]:
            if name in servers:
                return f"MCP server {name} already exists in user config"
            servers[name] = {"args": [], **json.loads(text)}
        case ["mcp", "remove", "--scope", "user", name]:
            if name not in servers:
                return f'No MCP server named "{name}" in user scope'
            del servers[name]
        case _:
            return "error: unknown command"
    data.setdefault("firstStartTime", "2026-11-28T12:18:14.464Z")
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False))
    return ""


def _codex(arguments: list[str], home: Path) -> str:
    path = home / ".codex" / "config.toml"
    text = path.read_text() if path.exists() else ""
    tomllib.loads(text)
    text = re.sub(
        r"(?ms)^\[mcp_servers\.backscroll[^\n]*\n(?:[^\[\n#][^\n]*\n)*\n?(?!\"\"\")", "", text
    )
    match arguments:
        case ["mcp", "add", name, *rest]:
            at = rest.index("--")
            pairs = [pair.partition("=") for pair in rest[1:at:2]]
            command, *others = rest[at + 1 :]
            lines = [f"[mcp_servers.{name}]", f"command = {json.dumps(command)}"]
            lines += [f"args = {json.dumps(others)}"] * bool(others)
            lines += ["", f"[mcp_servers.{name}.env]"] * bool(pairs)
            lines += [f"{key} = {json.dumps(value)}" for key, _, value in pairs]
            text = f"{text.rstrip()}\n\n".lstrip() + "\n".join(lines) + "\n"
        case ["mcp", "remove", _]:
            pass
        case _:
            return "error: unexpected argument"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return ""


def _gemini(arguments: list[str], home: Path) -> str:
    path = home / ".gemini" / "settings.json"
    text = path.read_text() if path.exists() else "{}"
    text = re.sub(r"\$(\w+)", lambda found: os.environ.get(found[1], found[0]), text)
    data: dict[str, Any] = json.loads(re.sub(r"//[^\n]*", "", text))
    servers = data.setdefault("mcpServers", {})
    match arguments:
        case ["mcp", "add", "--scope", "user", name, command, *rest]:
            at = rest.index("--") if "--" in rest else len(rest)
            env = dict(pair.removeprefix("--env=").split("=")[:2] for pair in rest[:at])
            servers[name] = {
                "command": command,
                "args": rest[at + 1 :],
                **({"env": env} if env else {}),
            }
        case ["mcp", "remove", "--scope", "user", name]:
            servers.pop(name, None)
        case _:
            return "Not enough non-option arguments: got 0, need at least 2"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(data, indent=2))
    return ""


def _code(arguments: list[str], home: Path) -> str:
    path = home / ".config" / "Code" / "User" / "mcp.json"
    data: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    option, text = arguments
    added = json.loads(text)
    asked = added.pop("inputs", [])
    there = {value["id"] for value in data.get("inputs", [])}
    data.setdefault("servers", {})[added.pop("name")] = added
    data["inputs"] = data.get("inputs", []) + [value for value in asked if value["id"] not in there]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent="\t"))
    return "" if option == "--add-mcp" else "bad option"


def _main() -> int:
    program = Path(sys.argv[0])
    with (program.parent / "calls.jsonl").open("a") as log:
        entry = {"argv": [program.name, *sys.argv[1:]], "variables": sorted(os.environ)}
        log.write(json.dumps(entry) + "\n")
    failing = program.parent / "failing"
    how = failing.read_text() if failing.exists() else ""
    if how == "silently":
        return 0
    stand_in = {"claude": _claude, "codex": _codex, "gemini": _gemini, "code": _code}
    said = stand_in[program.name](sys.argv[1:], Path(os.environ["HOME"]))
    if how == "afterwards":
        said = "\x1b[31mError in settings: sk-not-to-be-seen\x1b[0m"
    if said:
        sys.stderr.write(f"WARNING: proceeding\n{said}\n  at line 2\n" if how else f"{said}\n")
    return 52 if how else bool(said)


if __name__ == "__main__":
    sys.exit(_main())
