"""Parses the address of a PostgreSQL server, or of several servers."""

import os
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit, urlunsplit

from msgspec import Struct

from backscroll.database.faults import StoreError
from backscroll.settings.installation import how_to_add

SETTING: Final = "BACKSCROLL_DATABASE"
_URL_RULE: Final = "must be postgresql://user:password@host:port/name"
_NOT_INSTALLED: Final = (
    "BACKSCROLL_DATABASE is a postgresql:// URL, but its driver is not installed. To install it: "
)


class Address(Struct, frozen=True):
    """The address of a database on a PostgreSQL server.

    Attributes:
        servers: a URL for each server, with the password; only asyncpg may see them.
        name: the operator's URL without user, password and parameters, for errors.
        needs_primary: whether to connect only to a server that can be written to.
        setting: the setting that names it, for errors.
    """

    servers: tuple[str, ...]
    name: str
    needs_primary: bool = False
    setting: str = SETTING

    def __rich_repr__(self) -> list[tuple[str, object]]:
        shown = ("name", "needs_primary", "setting")
        return [(name, getattr(self, name)) for name in shown]

    def __repr__(self) -> str:
        return f"Address({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


def parse(url: str, setting: str = SETTING) -> Address:
    """Return the address in a `postgresql://` URL, which may name several servers.

    An example is `postgresql://host1:port1,host2:port2/name`. If there are several servers,
    Backscroll uses only one that can be written to, because every replica of Backscroll writes. To
    change this, set `target_session_attrs` in the URL or the environment.

    Args:
        url: the URL.
        setting: the setting that has it, for errors.

    Raises:
        StoreError: the URL cannot be parsed, or asyncpg is not installed. The error does not
            quote the URL.
    """
    try:
        import asyncpg  # noqa: F401 - tests whether asyncpg is installed
        import greenlet  # noqa: F401 - SQLAlchemy needs it for asyncpg
    except ImportError:
        raise StoreError(_NOT_INSTALLED + how_to_add("postgres")) from None
    rule = f"{setting} {_URL_RULE}"
    try:
        parts = urlsplit(url)
        user, at, hosts = parts.netloc.rpartition("@")
        names = [_server(text) for text in hosts.split(",")]
    except ValueError:
        raise StoreError(f"{rule}; the host or port of this URL is invalid") from None
    if "@" in parts.path or "@" in parts.query or "@" in parts.fragment:
        # The part of a URL with the user, password and host ends at the first `/`, `?` or `#`. If
        # an `@` comes later, one of these characters is probably in the user or password.
        raise StoreError(f"{rule}; write / @ # ? in the user and password as %2F %40 %23 %3F")
    servers = [urlunsplit(parts._replace(netloc=f"{user}{at}{host}")) for host in hosts.split(",")]
    name = f"postgresql://{','.join(names)}{parts.path}"
    return Address(tuple(servers), name, _needs_primary(parts), setting)


def _server(text: str) -> str:
    """Return one server of a URL as `host:port`, or raise ValueError if host or port is invalid."""
    one = urlsplit(f"//{text}")
    host, port = one.hostname or "", one.port
    return f"{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"


def _needs_primary(parts: SplitResult) -> bool:
    query = parse_qs(parts.query)
    chosen = "target_session_attrs" in query or "PGTARGETSESSIONATTRS" in os.environ
    return not chosen and any("," in text for text in (parts.netloc, *query.get("host", ())))


def why_refused(address: Address, code: str | None) -> str:
    """Return one line for the operator that explains one of PostgreSQL's error codes."""
    sentence = _SENTENCES.get(code or "", f"cannot be used (SQLSTATE {code})")
    return f"{address.name} {sentence.replace(SETTING, address.setting)}"


POOLING: Final = (
    "is behind a connection pooler, such as PgBouncer, that allows no transactions: use its "
    "pool_mode transaction or session, or connect to PostgreSQL itself"
)
CHANGED: Final = (
    "is behind a connection pooler that was not there when Backscroll started: restart Backscroll"
)
_SENTENCES: Final = {
    "08P01": "refuses the connection, as PgBouncer does for a wrong password, a database that does "
    "not exist or a parameter that it does not know: check BACKSCROLL_DATABASE",
    "26000": CHANGED,
    "42P05": CHANGED,
    "28000": "rejects this user: check the user in BACKSCROLL_DATABASE, and pg_hba.conf",
    "28P01": "rejects the password: check the user and password in BACKSCROLL_DATABASE",
    "3D000": "does not exist: create it (CREATE DATABASE), or name another database",
    "42501": "does not allow this user to create or use tables: GRANT it CREATE on the schema",
    "25006": "is a standby or read-only: point BACKSCROLL_DATABASE at the primary",
    "53300": "has no free connections: raise max_connections, or run fewer replicas",
    "57P03": "is starting or shutting down: try again",
}
