"""Runs all checks except those of MCP hosts, and returns the diagnosis."""

import dataclasses
import os
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from backscroll.commands.doctor.database_check import check_database, check_folder, is_missing
from backscroll.commands.doctor.diagnosis import Check, Diagnosis
from backscroll.commands.doctor.fitness import fitness_of_all, unneeded_groups
from backscroll.commands.doctor.probes import PROBE_S, probe_all
from backscroll.commands.doctor.session_check import check_sessions
from backscroll.commands.doctor.settings_report import notes, shown_settings
from backscroll.commands.doctor.standby_check import check_engines, check_standby
from backscroll.history.sources.source import Surroundings
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
    """Run all checks except those of MCP hosts.

    A missing database is not created, and no messages are changed. In an existing database, missing
    tables are created and old tables are migrated, as when the server opens it.

    Args:
        settings: the settings.
        sources: for each setting that is set, its field name and the flag or variable that sets it.
        environ: the environment variables. `Diagnosis.notes` reports some of them.
        limit_s: the time limit for each request to the upstream, in seconds.
        host: the address on which an HTTP server would listen; empty if it was not given.

    Raises:
        SettingsError: the upstream's key is missing, or the library for Entra is not installed.
    """
    upstream = upstream_of_callers(settings)
    callers_have_keys = settings.http_auth == "token"
    checks: tuple[Check, ...] = ()
    probed = settings
    if is_embedded(settings):
        checks, probed = await _check_store(settings)
    groups: dict[Group, Check] = {}
    if not any(check.verdict == "failed" for check in checks):
        probed = dataclasses.replace(probed, sources=())  # so that nothing is synced
        async with UpstreamConnection(probed, upstream) as connection:
            client = await connection.client()
            groups = await probe_all(
                client,
                limit_s,
                callers_have_keys=callers_have_keys,
                unneeded=unneeded_groups(settings, upstream.profile),
            )
        groups = _with_next_steps(groups, upstream.profile)
    sessions: tuple[Check, ...] = ()
    if is_embedded(settings):
        sessions = check_sessions(settings, Surroundings(environ, Path.home(), sys.platform))
    http: tuple[Check, ...] = ()
    if host or _HTTP & sources.keys():
        # Import the HTTP server only if it is configured.
        from backscroll.commands.doctor.over_http import check_http

        found = await check_http(settings, host, environ, limit_s)
        # A failed check of the database can be in both `found` and `checks`.
        http = tuple(check for check in found if check not in checks)
    return Diagnosis(
        version=version("backscroll"),
        python=platform.python_version(),
        settings=shown_settings(settings, sources),
        address="in this process" if is_embedded(settings) else upstream.base_url,
        checks=(*checks, *groups.values(), *sessions),
        tools=fitness_of_all(settings, upstream.profile, groups),
        notes=notes(settings, sources, environ),
        http=http,
        host=host,
    )


async def _check_store(settings: Settings) -> tuple[tuple[Check, ...], Settings]:
    """Check the embedded store's database or, if it does not exist yet, the folder for it.

    Returns:
        the results, and the settings with which the store can be queried. If the database does not
        exist, these settings name an empty database in memory.
    """
    if settings.database_read and (mixed := check_engines(settings)):
        return (mixed,), settings
    if is_missing(settings.database_url):
        empty = dataclasses.replace(settings, database="sqlite://")  # a new, empty database
        return (check_folder(settings.database_url),), empty
    found = await check_database(settings.database_url, days_of=settings.days_of)
    is_open = len(found) > 1  # else its only check says why not
    if settings.database_read and is_open:
        standby = await check_standby(settings.database_read, settings.database_url)
        return (*found, standby), settings
    return found, settings


def _with_next_steps(groups: Mapping[Group, Check], profile: Profile) -> dict[Group, Check]:
    """Return the results, with a next step for each group that the upstream does not serve."""
    served = [group for group, check in groups.items() if check.verdict != "absent"]
    if not served:
        step = "Check BACKSCROLL_BASE_URL: no endpoint was found; most such URLs end in /v1."
    elif profile.name == COMPATIBLE.name:
        step = f"To hide its tools: BACKSCROLL_SERVES={','.join(group.name for group in served)}"
    else:
        step = f"Check BACKSCROLL_UPSTREAM: {profile.name} should serve it."
    return {
        group: replace(check, next_step=step) if check.verdict == "absent" else check
        for group, check in groups.items()
    }
