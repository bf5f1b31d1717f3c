"""docs/hosts.md: where each host keeps its servers, and how it comes by a key."""

from pathlib import Path
from typing import Final

from backscroll.commands.connect.configuration import connected
from backscroll.commands.connect.entry import HostEntry
from backscroll.commands.connect.hosts import BY_NAME, HOSTS, Host, Machine

_HEAD: Final = """\
# Hosts

`backscroll connect` lists the hosts and which seem to be installed; `backscroll connect HOST` shows
what it would change, asks, and changes it. The rest of the file stays as it is, comments and other
servers included, and a copy from before is kept beside it until `--remove` has brought it back.

- `--print` prints the entry, `--yes` does not ask, `--file PATH` is for a project's file.
- Settings that are given go into the entry: `backscroll connect cursor --read-only`.
- A key is never written unless `--write-key` asks for it. The host brings it:

| host | key |
| --- | --- |
{keys}
## Files

| host | Linux | macOS | Windows |
| --- | --- | --- | --- |
{files}
Variables move them: `XDG_CONFIG_HOME` (Claude Desktop and VS Code on Linux), `CLAUDE_CONFIG_DIR`,
`CODEX_HOME`, `GEMINI_CLI_HOME`. Claude Desktop as a package of Windows has its file in
`%LOCALAPPDATA%\\Packages\\Claude_…\\LocalCache\\Roaming\\Claude`, which is found.

ChatGPT has no file: `backscroll connect chatgpt` says which address it takes.

## What is written

Into VS Code's `mcp.json` by `backscroll connect vscode --upstream openai`:

```json
{vscode}```

Into Codex's `config.toml` by `backscroll connect codex --upstream openai`:

```toml
{codex}```

The command is the one that is installed, by its whole path: applications of a desktop start with
another PATH than a shell. Under `uvx` and `pipx run` the entry uses them too.

## Bundles, plugins and extensions

From a clone of the repository; each starts `uvx backscroll`, but the bundle, which brings its code.

| host | how |
| --- | --- |
| Claude Desktop | `make bundle`, then open `dist/backscroll.mcpb`; it asks for upstream and key |
| Claude Code | `claude plugin marketplace add ./manifests`, \
`claude plugin install backscroll@backscroll`, `/plugin configure backscroll@backscroll` |
| Codex | `codex plugin marketplace add ./manifests`, `codex plugin add backscroll@backscroll` |
| Gemini CLI | `gemini extensions install ./manifests/gemini`; it asks for upstream and key |
| VS Code, Cursor | the links in the [README](../README.md); \
for a project of VS Code `manifests/vscode/mcp.json` |
| agent plugins | `manifests/plugin` |
"""

_HOME: Final = Path("~")
_WINDOWS: Final = {"APPDATA": "%APPDATA%", "LOCALAPPDATA": "%LOCALAPPDATA%"}
_MACHINES: Final = (
    Machine("linux", {}, _HOME),
    Machine("darwin", {}, _HOME),
    Machine("win32", _WINDOWS, Path("%USERPROFILE%")),
)


def document() -> str:
    """Return the document."""
    with_files = [host for host in HOSTS if host.format != "url"]
    return _HEAD.format(
        keys="".join(f"| {host.title} | {host.key_comes} |\n" for host in with_files),
        files="".join(_row(host) for host in with_files),
        vscode=_example("vscode"),
        codex=_example("codex"),
    )


def _row(host: Host) -> str:
    linux, macos, windows = (str(host.config(machine)) for machine in _MACHINES)
    backslashed = windows.replace("/", "\\")
    return f"| {host.title} | `{linux}` | `{macos}` | `{backslashed}` |\n"


def _example(name: str) -> str:
    entry = HostEntry(("uvx", "backscroll"), {"BACKSCROLL_UPSTREAM": "openai"}, needs_key=True)
    return connected(BY_NAME[name], "", entry)
