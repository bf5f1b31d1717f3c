"""Parses the address of a PostgreSQL server, and connects to it with asyncpg.

Like libpq, asyncpg also reads `PGPASSWORD` and `~/.pgpass`, and obeys `sslmode`.
"""

import os
import socket
import ssl
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import SplitResult, parse_qs, urlsplit

from backscroll.database.faults import DatabaseUnavailableError, StoreError
from backscroll.settings.installation import how_to_add

CONNECT_S: Final = 10.0
_SILENCE_S: Final = 10
"""If a server does not respond within this many seconds after a statement's time limit, it counts
as unreachable."""

_IDLE_IN_TRANSACTION_S: Final = 60
_SESSION: Final = {
    "jit": "off",  # compiling a statement takes longer than running it
    "idle_in_transaction_session_timeout": f"{_IDLE_IN_TRANSACTION_S}s",
}
_DURABLE: Final = (
    "CASE WHEN current_setting('synchronous_commit') = 'remote_apply' THEN 'remote_apply' "
    "ELSE 'on' END"
)
"""The value for the setting `synchronous_commit`, which a role or server may have turned off.
`remote_apply` is not replaced, because it guarantees more than `on`."""

_URL_RULE: Final = "BACKSCROLL_DATABASE must be postgresql://user:password@host:port/name"
_NO_PRIMARY: Final = (
    "names no server that target_session_attrs allows; by default, it must name one that is not a "
    "standby"
)
_NOT_INSTALLED: Final = (
    "BACKSCROLL_DATABASE is a postgresql:// URL, but its driver is not installed. To install it: "
)


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a database on a PostgreSQL server.

    Attributes:
        url: the operator's URL with the password; only asyncpg may see it.
        name: the URL without user, password and parameters, for errors.
        needs_primary: whether to connect only to a server that can be written to.
    """

    url: str = field(repr=False)
    name: str
    needs_primary: bool = False


def parse(url: str) -> Address:
    """Return the address in a `postgresql://` URL, which may name several servers.

    An example is `postgresql://host1:port1,host2:port2/name`. If there are several servers,
    Backscroll uses only one that can be written to, because every replica of Backscroll writes. To
    change this, set `target_session_attrs` in the URL or the environment.

    Raises:
        StoreError: the URL cannot be parsed, or asyncpg is not installed. The error does not
            quote the URL.
    """
    try:
        import asyncpg  # noqa: F401 - tests whether asyncpg is installed
        import greenlet  # noqa: F401 - SQLAlchemy needs it for asyncpg
    except ImportError:
        raise StoreError(_NOT_INSTALLED + how_to_add("postgres")) from None
    try:
        parts = urlsplit(url)
        servers = [_server(text) for text in parts.netloc.rpartition("@")[2].split(",")]
    except ValueError:
        raise StoreError(f"{_URL_RULE}; the host or port of this URL is invalid") from None
    if "@" in parts.path or "@" in parts.query or "@" in parts.fragment:
        # The part of a URL with the user, password and host ends at the first `/`, `?` or `#`. If
        # an `@` comes later, one of these characters is probably in the user or password.
        raise StoreError(f"{_URL_RULE}; write / @ # ? in the user and password as %2F %40 %23 %3F")
    return Address(url, f"postgresql://{','.join(servers)}{parts.path}", _needs_primary(parts))


def _server(text: str) -> str:
    """Return one server of a URL as `host:port`, or raise ValueError if host or port is invalid."""
    one = urlsplit(f"//{text}")
    host, port = one.hostname or "", one.port
    return f"{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"


def _needs_primary(parts: SplitResult) -> bool:
    query = parse_qs(parts.query)
    chosen = "target_session_attrs" in query or "PGTARGETSESSIONATTRS" in os.environ
    return not chosen and any("," in text for text in (parts.netloc, *query.get("host", ())))


async def connect(address: Address, statement_s: int, lock_s: float) -> Any:  # noqa: ANN401 - asyncpg has no types
    """Return a connection that acknowledges a commit only once it is on the server's disk.

    Args:
        address: the database to connect to.
        statement_s: the time limit for a statement, in seconds.
        lock_s: the maximum time that a statement waits for a lock, in seconds.

    Raises:
        DatabaseUnavailableError: the server does not exist, does not respond within `CONNECT_S`
            seconds, or rejects the connection; `str()` is one line for the operator.
    """
    import asyncpg

    settings = _SESSION | {
        "statement_timeout": f"{statement_s}s",
        "lock_timeout": f"{lock_s * 1000:.0f}ms",
    }
    # Settings are not sent as startup parameters, because PgBouncer refuses or drops unknown ones.
    chosen = ", ".join(
        f"set_config('{name}', '{value}', false)" for name, value in settings.items()
    )
    chosen += f", set_config('synchronous_commit', {_DURABLE}, false)"
    try:
        connection = await asyncpg.connect(
            address.url,
            timeout=CONNECT_S,
            command_timeout=statement_s + _SILENCE_S,
            server_settings={"application_name": "backscroll"},
            **({"target_session_attrs": "read-write"} if address.needs_primary else {}),
        )
        try:
            await connection.fetchrow(f"SELECT {chosen}", timeout=CONNECT_S)
        except BaseException:
            connection.terminate()
            raise
    except asyncpg.PostgresError as error:
        raise DatabaseUnavailableError(why_refused(address, error.sqlstate)) from None
    except TimeoutError:
        line = f"{address.name} did not respond within {CONNECT_S:.0f} seconds"
        raise DatabaseUnavailableError(line) from None
    except OSError as error:
        line = f"{address.name} cannot be reached: {_reason(error)}"
        raise DatabaseUnavailableError(line) from None
    except asyncpg.TargetServerAttributeNotMatched:
        line = f"{address.name} {_NO_PRIMARY}"
        raise DatabaseUnavailableError(line) from None
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, ValueError) as error:
        # Show only the type of the error, because its message may quote the URL.
        line = f"{address.name} cannot be used: its parameters are invalid ({type(error).__name__})"
        raise DatabaseUnavailableError(line) from None
    return connection


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason})"
    if isinstance(error, socket.gaierror):
        return "no such host"
    return os.strerror(error.errno) if error.errno else str(error)


def why_refused(address: Address, code: str | None) -> str:
    """Return one line for the operator that explains one of PostgreSQL's error codes."""
    return f"{address.name} {_SENTENCES.get(code or '', f'cannot be used (SQLSTATE {code})')}"


POOLING: Final = (
    "is behind a connection pooler, such as PgBouncer, that gives one session to several clients: "
    "use session pooling (pool_mode = session), or connect to PostgreSQL itself"
)
_SENTENCES: Final = {
    "08P01": "refuses the connection, as PgBouncer does for a parameter that it does not know: "
    "remove the parameters of BACKSCROLL_DATABASE, and use session pooling (pool_mode = session)",
    "26000": POOLING,
    "42P05": POOLING,
    "28000": "rejects this user: check the user in BACKSCROLL_DATABASE, and pg_hba.conf",
    "28P01": "rejects the password: check the user and password in BACKSCROLL_DATABASE",
    "3D000": "does not exist: create it (CREATE DATABASE), or name another database",
    "42501": "does not allow this user to create or use tables: GRANT it CREATE on the schema",
    "25006": "is a standby or read-only: point BACKSCROLL_DATABASE at the primary",
    "53300": "has no free connections: raise max_connections, or run fewer replicas",
    "57P03": "is starting or shutting down: try again",
}
