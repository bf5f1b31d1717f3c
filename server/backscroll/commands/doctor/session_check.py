"""Lists the programs whose sessions are on this machine, and tells whether a server syncs them."""

from collections.abc import Iterator

from backscroll.commands.doctor.diagnosis import Check
from backscroll.commands.terminal import counted
from backscroll.history.sources.finding import FoundSource, found
from backscroll.history.sources.source import Surroundings
from backscroll.settings.model import Settings


def check_sessions(settings: Settings, machine: Surroundings) -> tuple[Check, ...]:
    """Return a check for each program that has sessions, or that the settings name.

    Args:
        settings: the settings, which name the sources that a server syncs.
        machine: the environment, home folder and platform, which decide where programs keep their
            sessions.
    """
    results = found(machine)
    names = {each.source.name for each in results}
    missing = [name for name in settings.sources if name not in names]
    return (*_found(settings, results), *map(_missing, missing))


def _found(settings: Settings, results: list[FoundSource]) -> Iterator[Check]:
    for each in results:
        name = each.source.name
        count = f"sessions in {counted(len(each.files), 'file')}"
        is_kept = name in settings.sources
        if each.unreadable:
            detail = f"{count}, and {each.unreadable[0]} cannot be read"
            yield Check(name, "warning", detail, next_step="Check its permissions.")
        elif is_kept:
            yield Check(name, "ok", f"{count}, synced while a server runs")
        else:
            sources = ",".join((*settings.sources, name))
            yield Check(
                name,
                "ok",
                f"{count}, not synced by a server",
                next_step="backscroll sync imports what is new. "
                f"With BACKSCROLL_SOURCES={sources}, a server syncs them too.",
            )


def _missing(name: str) -> Check:
    detail = "no sessions were found, although BACKSCROLL_SOURCES names it"
    return Check(name, "unclear", detail)
