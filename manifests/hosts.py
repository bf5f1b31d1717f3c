"""docs/hosts.md: where each host keeps its servers and skills, and how it gets the key."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from backscroll.commands.connect.configuration import connected
from backscroll.commands.connect.entry import HostEntry, variables
from backscroll.commands.connect.hosts import BY_NAME, HOSTS, Host
from backscroll.commands.connect.machine import Machine
from backscroll.settings.installation import run_once
from manifests.description import ROOT

_HEAD: Final = """\
# Hosts

`backscroll connect` lists the hosts and shows which ones seem to be installed. `backscroll connect
HOST` shows the change, asks, and makes it: with the host's own command if that is installed and can
express the entry, otherwise in the host's file. There, nothing else changes, including comments and
other servers, and a backup stays beside the file until `--remove` restores it.

- `--print` prints the entry, `--yes` does not ask, `--file PATH` edits a project's file.
- Settings given as options go into the entry: `backscroll connect cursor --read-only`.
- A key is never written unless you pass `--write-key`. The host supplies it:

| host | key |
| --- | --- |
{keys}
## The host's own command, or the file

| host | connect | `--remove` | edited instead if |
| --- | --- | --- | --- |
| Claude Code | `claude mcp add-json --scope user` | `claude mcp remove --scope user` | |
| Codex | `codex mcp add` | `codex mcp remove` | \
a key is passed on: the command has no option for `env_vars` |
| Gemini CLI | `gemini mcp add --scope user` | `gemini mcp remove --scope user` | \
the file refers to variables (`$`), whose values the command would write in clear; \
a setting has a `=` in it |
| VS Code | `code --add-mcp` | the file is edited | the file has comments, which would be lost |

Claude Desktop, Cursor and opencode have no such command, and that of Copilot CLI is not used: their
files are edited. The file is also edited if the command is not on `PATH`, if it is a batch file (as
`code` and what npm installs are on Windows), if the file is a link or begins with a byte order
mark, if something that a user added to the entry would be lost, or if the entry holds a secret
(`--write-key`), because every user of a machine can see the arguments of commands. The command runs
without the keys in the environment.

Afterwards, `connect` checks that the file has the entry, and the other servers as they were. If
not, or if the command fails, `connect` restores the servers in the file, shows the error with the
exit code, and offers to edit the file (with `--yes`, it does so without asking).

**An edit** keeps every other character of the file, comments included, except a byte order mark,
which some hosts cannot read. It keeps what a user or the host has added to the entry, such as a
timeout or an approval. A backup is kept beside it, and `--remove` restores the file byte for byte
if nothing but Backscroll's entry was added since. Another server named `backscroll` is replaced,
and `--remove` puts it back.

**A command** writes the file as the host does: Claude Code adds its own state, Gemini CLI and
VS Code reformat the file, and an empty object or file may stay after `--remove`. `--remove`
runs the command, unless it can restore the backup from an edit.

## Files

| host | Linux | macOS | Windows |
| --- | --- | --- | --- |
{files}
Environment variables override these folders: `XDG_CONFIG_HOME` (Claude Desktop and VS Code on
Linux, and opencode), `CLAUDE_CONFIG_DIR`, `CODEX_HOME`, `GEMINI_CLI_HOME`, `COPILOT_HOME`. If
Claude Desktop was installed as a Windows package, its file in
`%LOCALAPPDATA%\\Packages\\Claude_…\\LocalCache\\Roaming\\Claude` is used.

ChatGPT has no file: `backscroll connect chatgpt` prints the URL to enter.

## What is written

Into VS Code's `mcp.json` by `backscroll connect vscode --upstream openai`:

```json
{vscode}```

Into Codex's `config.toml` by `backscroll connect codex --upstream openai`:

```toml
{codex}```

The entry has the full path of the installed command, because desktop applications do not get the
shell's `PATH`. If you run `connect` under `uvx` or `pipx run`, the entry has that whole command.
Before an entry is written, its server is started once; `--no-check` leaves that out. Settings in
the environment are written too, except keys.

## What the model sees

A result has a text and a structured part with the same messages. Some hosts show their model only
one of them, or cut a long result. `connect` and the manifests write settings for these hosts,
unless you give others:

| host | its model | settings |
| --- | --- | --- |
{suited}
Other hosts get both parts. ChatGPT and Pydantic AI show their model only the structured part: set
`BACKSCROLL_OUTPUT=text` for a server that they call, as `backscroll connect chatgpt` says.
`backscroll doctor` names a host whose entry lacks its settings.

With `BACKSCROLL_OUTPUT=text`, the list of tools has about half as many tokens too. It has no output
schemas, no titles that repeat names, and no hints and bounds that other parts of the list imply.
Only a host that states in its capabilities that it shows pages of MCP Apps gets the page.

## What each host's model gets

<!-- measured -->
{measured}<!-- /measured -->

## The skill

A skill is a file, `SKILL.md`, that teaches agents how to do something. Hosts show their model the
description of each skill, and load the file if it fits what the user asks. Backscroll's skill says
how to search, read on, cite and write with the tools, in about 1,500 tokens. `backscroll connect
HOST --skill` adds the entry, and writes the skill to `backscroll/SKILL.md` in the folder where the
host looks for skills:

| host | Linux | macOS | Windows |
| --- | --- | --- | --- |
{skills}
`CLAUDE_CONFIG_DIR`, `GEMINI_CLI_HOME`, `COPILOT_HOME` (Copilot CLI) and `XDG_CONFIG_HOME`
(opencode) override these folders. `CODEX_HOME` does not, because Codex looks in the home folder.
opencode also looks in the folders of Claude Code and Codex. {without} have no such folder.

- The file is shown first, and written if you agree. If you have changed it, or if another program
  wrote it, it is kept as `SKILL.md.before-backscroll`, and `--remove` restores it.
- `--remove` removes the skill with the entry. A skill that you have changed stays, and the command
  says so.
- `--print --skill` prints the skill alone, for example to install it in a host that is not listed.
- After an upgrade, run `backscroll connect HOST --skill` again. `backscroll doctor` names a skill
  of another version.

The plugins and the extension below contain the skill too. A host that has one of them does not need
`--skill`.

## Bundles, plugins and extensions

Run these from a clone of the repository. Each starts `{run}`, except the bundle,
which contains the code.

| host | how |
| --- | --- |
| Claude Desktop | `make bundle`, then open `dist/backscroll.mcpb`; it asks for upstream and key |
| Claude Code | `claude plugin marketplace add ./manifests`, \
`claude plugin install backscroll@backscroll`, `/plugin configure backscroll@backscroll` |
| Codex | `codex plugin marketplace add ./manifests`, `codex plugin add backscroll@backscroll` |
| Gemini CLI | `gemini extensions install ./manifests/gemini`; it asks for upstream and key |
| VS Code, Cursor | the links in the [README](../README.md); \
for a VS Code project, `manifests/vscode/mcp.json` |
| agent plugins | `manifests/plugin` |
"""

PAGE: Final = ROOT / "docs" / "hosts.md"
"""The document, of which `make hosts` writes one section."""

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
        keys="".join(f"| {host.title} | {host.key_source} |\n" for host in with_files),
        files="".join(_row(host) for host in with_files),
        suited="".join(map(_suited_row, with_files)),
        skills="".join(map(_skills_row, HOSTS)),
        without=" and ".join(host.title for host in HOSTS if host.skills is None),
        measured=_measured(),
        run=" ".join(run_once()),
        vscode=_example("vscode"),
        codex=_example("codex"),
    )


def _measured() -> str:
    """Return the section that `make hosts` has written into the document, unchanged."""
    _, _, after = PAGE.read_text("utf-8").partition("<!-- measured -->\n")
    measured, _, _ = after.partition("<!-- /measured -->")
    return measured


def _row(host: Host) -> str:
    return _paths_row(host.title, host.config)


def _skills_row(host: Host) -> str:
    return _paths_row(host.title, host.skills) if host.skills else ""


def _paths_row(title: str, path: Callable[[Machine], Path]) -> str:
    linux, macos, windows = (str(path(machine)) for machine in _MACHINES)
    backslashed = windows.replace("/", "\\")
    return f"| {title} | `{linux}` | `{macos}` | `{backslashed}` |\n"


def _suited_row(host: Host) -> str:
    settings = variables(host.suited).items()
    shown = ", ".join(f"`{name}={text}`" for name, text in settings)
    return f"| {host.title} | {host.model_sees} | {shown} |\n" if shown else ""


def _example(name: str) -> str:
    settings = variables({**BY_NAME[name].suited, "upstream": "openai"})
    entry = HostEntry(("/home/ada/.local/lib/backscroll/bin/backscroll",), settings, needs_key=True)
    return connected(BY_NAME[name], "", entry)
