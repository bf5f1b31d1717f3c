"""Runs all checks and builds the diagnosis."""

import dataclasses
import os
import platform
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Final

from backscroll.commands.doctor.database_check import check_database, check_folder, is_missing
from backscroll.commands.doctor.diagnosis import Check, Diagnosis
from backscroll.commands.doctor.fitness import fitness_of_all
from backscroll.commands.doctor.made import made, notes
from backscroll.commands.doctor.probes import PROBE_S, probe_all
from backscroll.settings.model import Settings
from backscroll.upstream.connection import UpstreamConnection, upstream_of_callers
from backscroll.upstream.kind import is_embedded
from backscroll_tools.client.groups import Group
from backscroll_tools.client.profiles import COMPATIBLE, Profile

_HTTP: Final = {item.name for item in dataclasses.fields(Settings) if "http" in item.metadata}


async def examine(
    settings: Settings,
    sources: Mapping[str, str],
    environ: Mapping[str, str] = os.environ,
    limit_s: float = PROBE_S,
    host: str = "",
) -> Diagnosis:
    """Return what is configured, what responds, and which tools will work. Nothing is written.

    Args:
        settings: the settings.
        sources: the source of each setting, as `settings.sources` returns it.
        environ: the environment, to find variables that are set but not used.
        limit_s: how many seconds the upstream may take to answer a request.
        host: the address that a server over HTTP would listen on; empty if not given.

    Raises:
        SettingsError: the upstream's key or a library is missing.
    """
    upstream = upstream_of_callers(settings)
    keys_are_callers = settings.http_auth == "token"
    checks: tuple[Check, ...] = ()
    asked = settings
    if is_embedded(settings):
        if is_missing(settings.database_url):
            checks = (check_folder(settings.database_url),)
            asked = replace(settings, database="sqlite://")  # a new, empty database
        else:
            checks = await check_database(settings.database_url)
    groups: dict[Group, Check] = {}
    if not any(check.verdict == "failed" for check in checks):
        async with UpstreamConnection(asked, upstream) as connection:
            client = await connection.client()
            groups = await probe_all(client, limit_s, keys_are_callers=keys_are_callers)
        groups = _with_ways_out(groups, upstream.profile)
    http: tuple[Check, ...] = ()
    if host or _HTTP & sources.keys():
        # Import the HTTP server only if it is configured.
        from backscroll.commands.doctor.over_http import check_http

        tried = await check_http(settings, host, environ, limit_s)
        http = tuple(check for check in tried if check not in checks)  # do not repeat the database
    return Diagnosis(
        version=version("backscroll"),
        python=platform.python_version(),
        settings=made(settings, sources),
        address="in this process" if is_embedded(settings) else upstream.base_url,
        checks=(*checks, *groups.values()),
        tools=fitness_of_all(settings, upstream.profile, groups),
        notes=notes(settings, sources, environ),
        http=http,
        host=host,
    )


def _with_ways_out(groups: Mapping[Group, Check], profile: Profile) -> dict[Group, Check]:
    """Return the checks, with a next step for each group that is not served."""
    served = [group for group, check in groups.items() if check.verdict != "absent"]
    if not served:
        step = "Check BACKSCROLL_BASE_URL: most such APIs begin at /v1, and nothing is served here."
    elif profile.name == COMPATIBLE.name:
        step = f"Tell agents so: BACKSCROLL_SERVES={','.join(group.name for group in served)}"
    else:
        step = f"Check BACKSCROLL_UPSTREAM: {profile.name} should serve it."
    return {
        group: replace(check, next_step=step) if check.verdict == "absent" else check
        for group, check in groups.items()
    }
