"""docs/commands.md: every command, with its own options and examples."""

from collections.abc import Iterator
from typing import Final

import click

from backscroll.cli import commands
from backscroll.settings.model import PREFIX
from manifests.tables import code, table

_HEAD: Final = """\
# Commands

Without a command, `backscroll` serves MCP over stdio, as hosts expect. Every command's `--help`
shows the text of this page and the [settings](settings.md) that the command takes.

"""


def document() -> str:
    """Return docs/commands.md."""
    return _HEAD + "\n".join(_section(path, command) for path, command in every())


def every() -> Iterator[tuple[str, click.Command]]:
    """Yield the path of every command (`backscroll token list`), and the command. Skips groups."""
    yield from _walk("backscroll", commands)


def _walk(path: str, group: click.Group) -> Iterator[tuple[str, click.Command]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _walk(f"{path} {name}", command)
        else:
            yield f"{path} {name}", command


def _section(path: str, command: click.Command) -> str:
    context = click.Context(command, info_name=path)
    usage = " ".join((path, *command.collect_usage_pieces(context)))
    about = " ".join((command.help or "").split("\n\n")[0].split())
    more = "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n")[1:])
    parts = [f"## {path}\n", f"```text\n{usage}\n```\n", f"{about}\n"]
    if more:
        parts.append(f"{more}\n")
    options = [each for each in command.params if isinstance(each, click.Option)]
    own = [each for each in options if not _is_setting(each) and not each.hidden]
    if own:
        rows = ((code("/".join((*each.opts, *each.secondary_opts))), _help(each)) for each in own)
        parts.append(table(("option", "what"), rows))
    if taken := sum(map(_is_setting, options)):
        noun = "one" if taken == 1 else str(taken)
        parts.append(f"Takes {noun} of the [settings](settings.md) as options.\n")
    if command.epilog:
        parts.append(f"```text\n{_examples(command.epilog)}\n```\n")
    return "\n".join(parts)


def _is_setting(option: click.Option) -> bool:
    return f"{PREFIX}{str(option.name).upper()}]" in (option.help or "")


def _examples(epilog: str) -> str:
    """Return examples without the control characters that stop click from rewrapping them."""
    return "\n".join(line for line in epilog.strip().split("\n") if line != "\b")


def _help(option: click.Option) -> str:
    text = option.help or ""
    if isinstance(option.type, click.Choice) and option.metavar is None:
        text += f" {', '.join(code(choice) for choice in option.type.choices)}."
    if option.show_default and option.default not in {None, ""}:
        text += f" Default: {code(str(option.default))}."
    return text
