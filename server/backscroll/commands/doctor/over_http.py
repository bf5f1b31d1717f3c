"""Checks the settings for HTTP by the same rules as `backscroll serve --transport http`."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import anyio
from msgspec.structs import replace

from backscroll.commands.doctor.diagnosis import Check
from backscroll.commands.doctor.token_check import check_tokens
from backscroll.commands.terminal import counted
from backscroll.http.auth import access
from backscroll.http.serving import tls
from backscroll.settings.addresses import is_loopback
from backscroll.settings.model import Settings
from backscroll.settings.operator_errors import OperatorError

SOON: Final = timedelta(days=14)
"""If a certificate expires within this time, its check gives a warning."""

_LOOPBACK: Final = "127.0.0.1"
_CALLERS: Final = {
    "none": "any program on this machine",
    "token": "holders of a token",
    "oauth": "holders of a token from {issuer}",
}
_NO_START: Final = "Fix it; until then, backscroll serve --transport http does not start."
_RENEW: Final = "Renew it, replace the files, and restart the server."


async def check_http(
    settings: Settings, host: str, environ: Mapping[str, str], limit_s: float
) -> tuple[Check, ...]:
    """Check whether an HTTP server with these settings would start, and who could call it.

    Args:
        settings: the server's settings.
        host: the address on which the server would listen; empty for a loopback address.
        environ: the environment variables, some of which contain the keys of callers.
        limit_s: the time limit for the issuer's response, in seconds.
    """
    checks = [_callers(settings, host or _LOOPBACK), *_certificate(settings, datetime.now(UTC))]
    if settings.http_auth == "oauth":
        checks.append(await _issuer(settings, limit_s))
    if settings.http_auth == "token":
        checks += await check_tokens(settings, environ)
    return tuple(checks)


def _callers(settings: Settings, host: str) -> Check:
    try:
        access.allowed(settings, host)
    except OperatorError as error:
        return Check("callers", "failed", str(error), next_step=_NO_START)
    local = is_loopback(host)
    rules = [_CALLERS[settings.http_auth].format(issuer=settings.oauth_issuer or "its issuer")]
    if settings.allowed_hosts:
        names = (*settings.allowed_hosts, *(("this machine's loopback names",) if local else ()))
        rules.append(f"host names: {', '.join(names)}")
    origins = [word for word in settings.allowed_origins if word != access.NONE]
    if local and settings.allowed_origins != (access.NONE,):
        origins.insert(0, "on this machine")
    rules.append(f"web pages {' and '.join(origins)}" if origins else "no web pages")
    return Check("callers", "ok", "; ".join(rules))


def _certificate(settings: Settings, now: datetime) -> tuple[Check, ...]:
    """Check whether the certificate is valid, and for how long.

    If the settings name no certificate, return no check.
    """
    try:
        tls.check(settings)
    except OperatorError as error:
        return (Check("certificate", "failed", str(error), next_step=_NO_START),)
    if not settings.tls_cert_file:
        return ()
    from cryptography import x509

    # A server's own certificate comes first in its file (RFC 8446, section 4.4.2).
    pem = Path(settings.tls_cert_file).read_bytes()
    try:
        own = x509.load_pem_x509_certificates(pem)[0]
    except ValueError:  # OpenSSL accepts encodings that `cryptography` does not
        detail = "matches its key; its expiry date cannot be read"
        return (Check("certificate", "unclear", detail),)
    since, until = own.not_valid_before_utc, own.not_valid_after_utc
    if now > until:
        return (Check("certificate", "failed", f"expired on {until:%Y-%m-%d}", next_step=_RENEW),)
    if now < since:
        step = "Check the clock of this machine, or wait."
        detail = f"is not valid before {since:%Y-%m-%d}"
        return (Check("certificate", "failed", detail, next_step=step),)
    if until - now <= SOON:
        left = counted((until - now).days, "day")
        detail = f"is valid only until {until:%Y-%m-%d}: {left} left"
        return (Check("certificate", "warning", detail, next_step=_RENEW),)
    return (Check("certificate", "ok", f"is valid until {until:%Y-%m-%d}, and matches its key"),)


async def _issuer(settings: Settings, limit_s: float) -> Check:
    from backscroll.http.auth import issuer as issuers
    from backscroll.http.auth import oauth

    try:
        oauth.check(settings)
    except OperatorError as error:
        return Check("issuer", "failed", str(error), next_step=_NO_START)
    start = time.perf_counter()
    check = Check("issuer", "ok", "returned its keys")
    try:
        with anyio.fail_after(limit_s):
            async with issuers.asking() as http:
                issuer = issuers.Issuer(settings.oauth_issuer, http, allow_http=settings.allow_http)
                await issuer.fetch()
    except issuers.IssuerError as error:
        check = replace(check, verdict="failed", detail=str(error))
    except TimeoutError:
        check = replace(check, verdict="failed", detail=f"no answer within {limit_s:g} s")
    step = "Check BACKSCROLL_OAUTH_ISSUER, the network, and that the issuer is running."
    return replace(
        check,
        ms=round((time.perf_counter() - start) * 1000),
        next_step="" if check.verdict == "ok" else step,
    )
