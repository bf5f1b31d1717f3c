"""Checks the tokens of callers over HTTP: whether any is valid, and has a key if it needs one."""

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

_NAMED: Final = 5
"""The maximum number of variables that are named."""


async def check_tokens(settings: Settings, environ: Mapping[str, str]) -> tuple[Check, ...]:
    """Return how many tokens are valid, and whether each has a usable key to the upstream.

    Args:
        settings: the settings, which name the database and the upstream.
        environ: the environment, which holds callers' own keys.
    """
    url = settings.database_url
    if is_missing(url):
        return (_counted([], settings),)
    holding: list[Token] = []

    def count(connection: Connection) -> Check:
        now = time.time()
        holding[:] = [token for token in listed(connection) if token.holds(now)]
        return _counted(holding, settings)

    checks = await look_at_tokens(url, count)
    variables = dict.fromkeys(token.upstream_key_variable for token in holding)
    keys = {name: environ.get(name, "") for name in variables if name}
    missing = [name for name, key in keys.items() if is_blank(key) or flaw_of_key(key)]
    if missing and not is_embedded(settings):
        named = ", ".join(sorted(missing)[:_NAMED])
        more = f", and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        detail = f"not set here, or no key: {named}{more}"
        step = "Set them where the server runs."
        checks += (Check("callers' keys", "warning", detail, next_step=step),)
    return checks


def _counted(holding: list[Token], settings: Settings) -> Check:
    if not holding:
        step = "Make one: backscroll token create NAME"
        return Check(
            "tokens", "warning", "there is none that holds: nobody gets in", next_step=step
        )
    detail = f"{len(holding):,} that hold{'s' if len(holding) == 1 else ''}"
    keyless = sum(not token.upstream_key_variable for token in holding)
    if not keyless or not lacks_key(settings):
        return Check("tokens", "ok", detail)
    return Check(
        "tokens",
        "warning",
        f"{detail}; {keyless:,} name{'s' if keyless == 1 else ''} no key to {settings.upstream}, "
        "and there is none of the operator's",
        next_step="Make it anew: backscroll token create NAME --upstream-key-variable VARIABLE",
    )
