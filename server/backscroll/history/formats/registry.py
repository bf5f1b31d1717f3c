"""Lists all formats, and finds the format of a file or folder."""

from collections.abc import Collection, Iterable, Iterator
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:  # not imported at run time: the command line needs only the formats' names
    from backscroll.history.files.sample import Sample
    from backscroll.history.formats.format import Format

MODULES: Final = {
    "chatgpt": "chatgpt",
    "claude-ai": "claude_ai",
    "claude-code": "claude_code",
    "codex": "codex",
    "gemini-cli": "gemini_cli",
    "gemini-apps": "gemini_apps",
    "vscode-copilot": "vscode_copilot",
    "cursor": "cursor",
    "opencode": "opencode",
    "librechat": "librechat",
    "open-webui": "open_webui",
    "llm": "llm",
    "agents-sdk": "agents_sdk",
    "slack": "slack",
    "sharegpt": "sharegpt",
    "fine-tuning": "fine_tuning",
}
"""The module of each format by the format's name, in the order in which formats are tried."""


@cache
def format_named(name: str) -> "Format":
    """Return a format by its name in `MODULES`. Its module is imported the first time."""
    module = import_module(f"backscroll.history.formats.{MODULES[name]}")
    return cast("Format", module.FORMAT)


def formats() -> "Iterator[Format]":
    """Yield every format in the order in which they are tried."""
    return (format_named(name) for name in MODULES)


def recognised(samples: "Iterable[Sample]") -> "Format | None":
    """Return the format of a file; None if no format recognises any of its samples."""
    return next((each for sample in samples for each in formats() if each.recognises(sample)), None)


def recognised_folder(names: Collection[str]) -> "Format | None":
    """Return the format that reads a folder as a whole; None if no format recognises the folder.

    Args:
        names: the names of the files and folders directly in the folder.
    """
    for each in formats():
        if each.recognises_folder is not None and each.recognises_folder(names):
            return each
    return None
