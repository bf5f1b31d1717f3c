"""The click command `backscroll token` and its subcommands."""

import json
import sys
from datetime import UTC, datetime

import anyio
import click
from msgspec.structs import asdict

from backscroll.commands.examples import examples
from backscroll.commands.options import with_settings
from backscroll.commands.terminal import stdout
from backscroll.settings.model import Settings
from backscroll_tools.plain import plain


@click.group(
    short_help="Manage tokens for callers over HTTP.",
    epilog=examples(
        "backscroll token create ada --expires 30d",
        "backscroll token list",
        "backscroll token revoke ada",
    ),
)
def token() -> None:
    """Create, list and revoke tokens for callers over HTTP.

    The hashes of the tokens are in the store's database. Every server that uses this database and
    runs with --http-auth token accepts the tokens.
    """


@token.command(
    epilog=examples(
        "backscroll token create ada",
        "backscroll token create support-bot \\",
        "    --scopes read,write --expires 1y --partition support",
    )
)
@click.argument("name")
@click.option("--scopes", default="read", show_default=True, help="read, or also write or admin.")
@click.option(
    "--toolsets", default="all", show_default=True, help="The allowed toolsets, comma-separated."
)
@click.option(
    "--expires",
    default="90d",
    show_default=True,
    help="The lifetime in minutes (30m), hours (12h), days (90d) or years, at most 100y; or never.",
)
@click.option(
    "--partition",
    default="",
    help="The partition of the store to use: 1 to 128 letters, digits, '_', '.', '=' or '-'.",
)
@click.option(
    "--upstream-key-variable",
    default="",
    metavar="NAME",
    help="The server's environment variable with this caller's key to the upstream.",
)
@with_settings("database")
def create(  # noqa: PLR0913 - parameters are options
    settings: Settings,
    *,
    name: str,
    scopes: str,
    toolsets: str,
    expires: str,
    partition: str,
    upstream_key_variable: str,
) -> None:
    """Create a token for NAME and print it once. It cannot be shown again.

    Without --partition, the token uses the store's shared partition.
    """
    from backscroll.commands.token.issuing import issue, new_token

    new = new_token(
        name,
        scopes=scopes,
        toolsets=toolsets,
        expires=expires,
        partition=partition,
        key_variable=upstream_key_variable,
    )
    stdout()  # raises an error if stdout is closed, before a token is stored that nobody can see
    secret = anyio.run(issue, settings.database_url, new)
    click.echo(secret)
    until = "forever" if new.expires_at is None else f"until {_date(new.expires_at)}"
    click.echo(f"{new.id} lets {name} {' and '.join(new.scopes)} {until}.", err=True)


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@with_settings("database")
def list_(settings: Settings, *, as_json: bool) -> None:
    """List the tokens, without their secrets."""
    import time

    from backscroll.commands.token.issuing import listed

    stdout()
    rows = anyio.run(listed, settings.database_url)
    if as_json:
        for row in rows:
            click.echo(json.dumps(asdict(row)))
        return
    for row in rows:
        expires = "never" if row.expires_at is None else _date(row.expires_at)
        ended = "expired" if row.revoked_at is None else "revoked"
        status = "" if row.is_valid(time.time()) else f"  {ended}"
        own = f"  partition={row.partition}" if row.partition else ""
        own += f"  key={row.upstream_key_variable}" if row.upstream_key_variable else ""
        allowed = f"{','.join(row.scopes):10}  toolsets={','.join(row.toolsets)}"
        line = f"{row.id}  {row.name:20}  {allowed}  expires={expires}{own}{status}"
        click.echo(plain(line))


@token.command()
@click.argument("name")
@with_settings("database")
def revoke(settings: Settings, name: str) -> None:
    """Revoke the token whose id is NAME, or all tokens whose name is NAME.

    Every server stops accepting revoked tokens within seconds.
    """
    from backscroll.commands.token.issuing import revoke as revoke_tokens

    revoked = anyio.run(revoke_tokens, settings.database_url, name)
    for token_id in revoked:
        click.echo(f"{token_id} revoked")
    if not revoked:
        click.echo(f"backscroll: no valid token is named {name}", err=True)
    sys.exit(not revoked)


def _date(at: int) -> str:
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
    except (ValueError, OverflowError, OSError):  # the time is too late for `datetime`
        return f"{at} s"
