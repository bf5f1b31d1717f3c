"""Reads the settings and the key for an entry from the flags and the environment."""

import os

import click

from backscroll.commands.connect.secrecy import holds_password
from backscroll.commands.options import EVERY, Flags
from backscroll.process.exits import CommandError
from backscroll.settings.loading import load
from backscroll.settings.model import PREFIX, Settings
from backscroll.settings.parsing import is_blank


def set_here(flags: Flags) -> Flags:
    """Return the settings that are set in the environment and not in `flags`.

    Secrets are left out, because the host supplies them. Settings for HTTP are left out, because
    hosts start the server over stdio.
    """
    variables = {name: f"{PREFIX}{name.upper()}" for name in EVERY if name not in flags}
    texts = {name: os.environ.get(variable, "") for name, variable in variables.items()}
    return {name: text for name, text in texts.items() if not is_blank(text)}


def checked(flags: Flags, set_here: Flags) -> Settings:
    """Return the settings for an entry, with a placeholder for the key that the host supplies.

    Raises:
        SettingsError: the settings cannot be used.
    """
    environ = {f"{PREFIX}{name.upper()}": text for name, text in set_here.items()}
    return load(flags, {"BACKSCROLL_API_KEY": "supplied-by-the-host", **environ})


def no_key(settings: Settings) -> str:
    """Check that an entry without a key contains no other secret, and return an empty key.

    Raises:
        CommandError: the database's URL contains a password, and --write-key was not given.
    """
    for option, url in (
        ("--database", settings.database),
        ("--database-read", settings.database_read),
    ):
        if holds_password(url):
            raise CommandError(
                f"{option} contains a password, which would be written unencrypted: "
                "move it to ~/.pgpass, or add --write-key"
            )
    return ""


def key(settings: Settings) -> str:
    """Return the key to write, from the environment or a prompt; empty for the embedded store.

    Raises:
        CommandError: there is nothing to write, because the upstream is the embedded store and its
            database URL contains no password.
    """
    if settings.upstream == "store":
        if holds_password(settings.database) or holds_password(settings.database_read):
            return ""
        raise CommandError("--write-key needs an --upstream: the embedded store has no key")
    names = ["BACKSCROLL_API_KEY"]
    if settings.upstream == "openai":
        names.append("OPENAI_API_KEY")
    for name in names:
        if not is_blank(key := os.environ.get(name, "")):
            return key
    typed: str = click.prompt("The upstream's key", hide_input=True)
    return typed
