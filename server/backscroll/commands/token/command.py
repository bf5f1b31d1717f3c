"""`backscroll token`: who may call over HTTP."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime

import anyio
import click

from backscroll.commands.examples import examples
from backscroll.commands.options import with_settings
from backscroll.settings.model import Settings
from backscroll_tools.plain import plain


@click.group(
    short_help="Say who may call over HTTP.",
    epilog=examples(
        "backscroll token create ada --expires 30d",
        "backscroll token list",
        "backscroll token revoke ada",
    ),
)
def token() -> None:
    """Make, show and take back the tokens of callers over HTTP.

    They are in the store's database, as hashes: every server on that database knows them, where
    it is started with --http-auth token.
    """


@token.command(
    epilog=examples(
        "backscroll token create ada",
        "backscroll token create support-bot \\",
        "    --scopes read,write --expires 1y --partition support",
    )
)
@click.argument("name")
@click.option("--scopes", default="read", show_default=True, help="read, or read,write.")
@click.option(
    "--toolsets", default="all", show_default=True, help="Of those that the server offers."
)
@click.option("--expires", default="90d", show_default=True, help="12h, 90d, up to 100y; or never.")
@click.option("--partition", default="", help="Its own part of the store, by any name.")
@click.option(
    "--upstream-key-variable",
    default="",
    metavar="NAME",
    help="The environment variable, where the server runs, with its own key to the upstream.",
)
@with_settings("database")
def create(  # noqa: PLR0913 - what a token has
    settings: Settings,
    *,
    name: str,
    scopes: str,
    toolsets: str,
    expires: str,
    partition: str,
    upstream_key_variable: str,
) -> None:
    """Make a token for NAME, and print it once: it cannot be shown again.

    Without --partition it reads and writes what all share.
    """
    from backscroll.commands.token.issuing import issue, new_token

    made = new_token(
        name,
        scopes=scopes,
        toolsets=toolsets,
        expires=expires,
        partition=partition,
        key_variable=upstream_key_variable,
    )
    secret = anyio.run(issue, settings.database_url, made)
    click.echo(secret)
    until = "for ever" if made.expires_at is None else f"until {_date(made.expires_at)}"
    click.echo(f"{made.id} lets {name} {' and '.join(made.scopes)} {until}.", err=True)


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@with_settings("database")
def list_(settings: Settings, *, as_json: bool) -> None:
    """Show the tokens, and never what they are."""
    import time

    from backscroll.commands.token.issuing import listed

    rows = anyio.run(listed, settings.database_url)
    if as_json:
        for row in rows:
            click.echo(json.dumps(asdict(row)))
        return
    for row in rows:
        expires = "never" if row.expires_at is None else _date(row.expires_at)
        ended = "expired" if row.revoked_at is None else "revoked"
        holds = "" if row.holds(time.time()) else f"  {ended}"
        own = f"  partition={row.partition}" if row.partition else ""
        own += f"  key={row.upstream_key_variable}" if row.upstream_key_variable else ""
        allowed = f"{','.join(row.scopes):10}  toolsets={','.join(row.toolsets)}"
        line = f"{row.id}  {row.name:20}  {allowed}  expires={expires}{own}{holds}"
        click.echo(plain(line))


@token.command()
@click.argument("name")
@with_settings("database")
def revoke(settings: Settings, name: str) -> None:
    """Take back the token with the id NAME, or all with that name, within seconds everywhere."""
    from backscroll.commands.token.issuing import revoke as take_back

    revoked = anyio.run(take_back, settings.database_url, name)
    for token_id in revoked:
        click.echo(f"{token_id} revoked")
    if not revoked:
        click.echo(f"backscroll: no token that holds is called {name}", err=True)
    sys.exit(not revoked)


def _date(at: int) -> str:
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
    except (ValueError, OverflowError, OSError):  # beyond the years 1 to 9999, or the system's
        return f"{at} s"
