"""Checks whether valid tokens exist, and whether each of them has the upstream key it needs."""

import time
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection

from backscroll.commands.doctor.database_check import is_missing, look_at_tokens
from backscroll.commands.doctor.diagnosis import Check
from backscroll.database.tokens import Token, listed
from backscroll.settings.addresses import flaw_of_key
from backscroll.settings.model import Settings
from backscroll.settings.parsing import is_blank
from backscroll.upstream.credentials import lacks_key
from backscroll.upstream.kind import is_embedded

_MAX_NAMES: Final = 5
"""The maximum number of environment variables that the result of a check lists."""


async def check_tokens(settings: Settings, environ: Mapping[str, str]) -> tuple[Check, ...]:
    """Check that valid tokens exist, and that each of them has a usable key to the upstream.

    Args:
        settings: the settings, which name the database and the upstream.
        environ: the environment variables, some of which contain the keys of callers.
    """
    url = settings.database_url
    if is_missing(url):
        return (_counted([], settings),)
    valid: list[Token] = []

    def count(connection: Connection) -> Check:
        now = time.time()
        valid[:] = [token for token in listed(connection) if token.is_valid(now)]
        return _counted(valid, settings)

    checks = await look_at_tokens(url, count)
    variables = dict.fromkeys(token.upstream_key_variable for token in valid)
    keys = {name: environ.get(name, "") for name in variables if name}
    missing = [name for name, key in keys.items() if is_blank(key) or flaw_of_key(key)]
    if missing and not is_embedded(settings):
        named = ", ".join(sorted(missing)[:_MAX_NAMES])
        more = f", and {len(missing) - _MAX_NAMES} more" if len(missing) > _MAX_NAMES else ""
        detail = f"not set here, or set to an unusable key: {named}{more}"
        step = "Set them in the server's environment."
        checks += (Check("callers' keys", "warning", detail, next_step=step),)
    return checks


def _counted(valid: list[Token], settings: Settings) -> Check:
    if not valid:
        step = "Create one: backscroll token create NAME"
        return Check("tokens", "warning", "no valid token: no caller has access", next_step=step)
    detail = f"{len(valid):,} valid"
    keyless = sum(not token.upstream_key_variable for token in valid)
    if not keyless or not lacks_key(settings):
        return Check("tokens", "ok", detail)
    return Check(
        "tokens",
        "warning",
        f"{detail}; {keyless:,} without a key to {settings.upstream}; the server has none either",
        next_step="Create the token again: "
        "backscroll token create NAME --upstream-key-variable VARIABLE",
    )
