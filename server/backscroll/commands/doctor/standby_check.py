"""Checks whether reads can come from the standby that a setting names."""

import time
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DBAPIError

from backscroll.commands.doctor.diagnosis import Check
from backscroll.database.faults import DatabaseUnavailableError, NothingWrittenError, StoreError
from backscroll.database.locks import sqlstate
from backscroll.database.opening import is_postgres, open_database
from backscroll.settings.model import Settings

if TYPE_CHECKING:
    from backscroll.database.postgres_standby_state import Obstacle, StandbyState

CATCH_UP_S: Final = 2.0
"""How long a standby may take to replay what the primary has committed, in seconds."""

_SETTING: Final = "BACKSCROLL_DATABASE_READ"
_MEANWHILE: Final = "Until then, all reads go to the primary."
_ANOTHER: Final = f"Set {_SETTING} to a standby of it, or unset it. {_MEANWHILE}"
_STEPS: Final[dict["Obstacle", str]] = {
    "primary": _ANOTHER,
    "writable": (
        "If it has taken over, set BACKSCROLL_DATABASE to it, or to both servers. Otherwise, set "
        f"{_SETTING} to a standby. {_MEANWHILE}"
    ),
    "other cluster": _ANOTHER,
    "other database": f"Name the same database in {_SETTING}. {_MEANWHILE}",
    "unpromoted": f"Rebuild it with pg_rewind or pg_basebackup. {_MEANWHILE}",
    "paused": f"Run SELECT pg_wal_replay_resume() on the standby. {_MEANWHILE}",
    "behind": (
        "If this stays so, look at pg_stat_replication on the primary and at the standby's log. "
        f"{_MEANWHILE}"
    ),
    "tables": (
        f"Check the user and the search_path in {_SETTING}: they must find the same tables as in "
        f"BACKSCROLL_DATABASE. {_MEANWHILE}"
    ),
}


def check_engines(settings: Settings) -> Check | None:
    """Return a failed check if only one of the database and its standby is PostgreSQL's."""
    if is_postgres(settings.database_url) and is_postgres(settings.database_read):
        return None
    detail = f"{_SETTING} and BACKSCROLL_DATABASE must both be postgresql:// URLs"
    return Check("standby", "failed", detail, next_step=f"Unset {_SETTING}.")


async def check_standby(url: str, primary_url: str, catch_up_s: float = CATCH_UP_S) -> Check:
    """Check a standby. If it cannot be read, the verdict is `warning`: the primary is read instead.

    The time limit for connecting to it is 10 s.

    Args:
        url: the URL of the standby.
        primary_url: the URL of the primary, which was checked already.
        catch_up_s: see `CATCH_UP_S`.
    """
    # Imported only if needed: asyncpg and greenlet are optional, and slow to import.
    from backscroll.database.postgres_address import parse
    from backscroll.database.postgres_standby_state import standby_state

    step = f"Start it, or fix or unset {_SETTING}. {_MEANWHILE}"
    began = time.monotonic()
    try:
        address = parse(url, _SETTING)
        async with open_database(primary_url, "store") as primary:
            state = await standby_state(address, primary, catch_up_s)
    except DatabaseUnavailableError as error:
        return Check("standby", "warning", error.reason, next_step=step)
    except (StoreError, NothingWrittenError) as error:
        return Check("standby", "warning", str(error), next_step=step)
    except DBAPIError as error:
        detail = f"does not show its state (SQLSTATE {sqlstate(error)})"
        return Check("standby", "warning", detail, next_step=step)
    ms = round((time.monotonic() - began) * 1000)
    if state.obstacle is None:
        detail = f"PostgreSQL {state.release}, has replayed what the primary has committed"
        return Check("standby", "ok", detail, ms)
    return Check("standby", "warning", _detail(state, state.obstacle), ms, _STEPS[state.obstacle])


def _detail(state: "StandbyState", obstacle: "Obstacle") -> str:
    """Return in words what keeps reads from a standby."""
    behind = f"{state.behind_bytes:,} bytes behind"
    if state.behind_s:
        behind += f"; the newest commit there is {state.behind_s:,.0f} s old"
    details: dict[Obstacle, str] = {
        "primary": "is the primary itself",
        "writable": "is not a standby: it can be written to",
        "other cluster": "is not a copy of the server of BACKSCROLL_DATABASE",
        "other database": f"has another database than BACKSCROLL_DATABASE: {state.database}",
        "unpromoted": "did not follow the last promotion, so its log is no longer valid",
        "paused": f"is paused, and is {behind}",
        "behind": f"is {behind}",
        "tables": "has no tables of this schema that its user can read",
    }
    return details[obstacle]
