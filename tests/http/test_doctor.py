"""`backscroll doctor` on the settings for serving over HTTP."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from backscroll.cli import commands
from backscroll.commands.doctor.diagnosis import Check, Diagnosis
from backscroll.commands.doctor.examination import examine
from backscroll.commands.doctor.probes import PROBE_S
from backscroll.commands.doctor.report import as_text
from backscroll.commands.token.issuing import issue, new_token, revoke
from backscroll.settings.loading import load, sources
from tests.http.certificates import new_certificate
from tests.http.issuer import RESOURCE, issuing
from tests.inventory import NAMES

NOWHERE = "http://127.0.0.1:1/v1"
"""An upstream that cannot be reached; waiting for it changes none of the checks of HTTP."""

NO_START = "Fix it; until then, backscroll serve --transport http does not start."


async def diagnosis_of(folder: Path, host: str = "", /, **settings: str) -> Diagnosis:
    """Return a diagnosis; a name in capitals is an environment variable."""
    given = {"database": f"sqlite:///{folder / 'store.db'}", **settings}
    environ = {
        name if name.isupper() else f"BACKSCROLL_{name.upper()}": value
        for name, value in given.items()
    }
    limit_s = 0.1 if settings.get("base_url") == NOWHERE else PROBE_S
    return await examine(
        load(None, environ), sources(None, environ), environ, host=host, limit_s=limit_s
    )


def found(diagnosis: Diagnosis) -> list[Check]:
    """Return the checks of HTTP, without how long they took."""
    return [
        Check(check.name, check.verdict, check.detail, next_step=check.next_step)
        for check in diagnosis.http
    ]


async def test_nothing_is_checked_for_http_if_nothing_is_set_for_it(tmp_path: Path) -> None:
    diagnosis = await diagnosis_of(tmp_path)

    assert diagnosis.http == ()
    assert "HTTP" not in as_text(diagnosis, 80)


@pytest.mark.parametrize(
    ("host", "settings", "check"),
    [
        (
            "",
            {"http_calls": "9"},
            Check("callers", "ok", "any program on this machine; web pages on this machine"),
        ),
        (
            "",
            {"allowed_hosts": "a.example,b.example:*", "allowed_origins": "none"},
            Check(
                "callers",
                "ok",
                "any program on this machine; host names: a.example, b.example:*, "
                "this machine's loopback names; no web pages",
            ),
        ),
        (
            "127.0.0.2",
            {"allowed_origins": "https://c.example"},
            Check(
                "callers",
                "ok",
                "any program on this machine; web pages on this machine and https://c.example",
            ),
        ),
        (
            "",
            {"allowed_hosts": "https://a.example"},
            Check(
                "callers",
                "failed",
                "BACKSCROLL_ALLOWED_HOSTS must look like example.com, not 'https://a.example'",
                next_step=NO_START,
            ),
        ),
        (
            "0.0.0.0",  # noqa: S104 - nothing listens
            {"allowed_hosts": "a.example"},
            Check(
                "callers",
                "failed",
                "--host 0.0.0.0 lets other machines call: set BACKSCROLL_HTTP_AUTH=token or oauth, "
                "BACKSCROLL_ALLOWED_ORIGINS ('none' if no web page may call); "
                "or use --host 127.0.0.1",
                next_step=NO_START,
            ),
        ),
    ],
)
async def test_the_doctor_applies_the_access_rules_of_serve(
    host: str, settings: dict[str, str], check: Check, tmp_path: Path
) -> None:
    diagnosis = await diagnosis_of(tmp_path, host, **settings)

    assert found(diagnosis) == [check]
    assert diagnosis.is_well == (check.verdict == "ok")


async def test_a_server_that_other_machines_can_call_is_described(tmp_path: Path) -> None:
    exposed = {"http_auth": "token", "allowed_hosts": "a.example", "allowed_origins": "none"}
    diagnosis = await diagnosis_of(tmp_path, "::", **exposed)

    assert found(diagnosis) == [
        Check("callers", "ok", "holders of a token; host names: a.example; no web pages"),
        Check(
            "tokens",
            "warning",
            "no valid token: no caller has access",
            next_step="Create one: backscroll token create NAME",
        ),
    ]
    assert diagnosis.is_well


def day(days: float) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"


def soon(left: str) -> Check:
    detail = f"is valid only until {{until}}: {left} left"
    return Check("certificate", "warning", detail, next_step=RENEW)


RENEW = "Renew it, replace the files, and restart the server."
CLOCK = "Check the clock of this machine, or wait."


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (-1, 90.5, Check("certificate", "ok", "is valid until {until}, and matches its key")),
        (-1, 14.5, Check("certificate", "ok", "is valid until {until}, and matches its key")),
        (-1, 13.5, soon("13 days")),
        (-1, 1.5, soon("1 day")),
        (-9, -1, Check("certificate", "failed", "expired on {until}", next_step=RENEW)),
        (2, 90, Check("certificate", "failed", "is not valid before {since}", next_step=CLOCK)),
    ],
)
async def test_the_dates_of_a_certificate_are_checked(
    since: float, until: float, expected: Check, tmp_path: Path
) -> None:
    made = new_certificate(tmp_path, since=timedelta(days=since), until=timedelta(days=until))
    files = {"tls_cert_file": str(made[0]), "tls_key_file": str(made[1])}

    diagnosis = await diagnosis_of(tmp_path, **files)

    detail = expected.detail.format(since=day(since), until=day(until))
    assert found(diagnosis)[1:] == [replace(expected, detail=detail)]
    assert diagnosis.is_well == (expected.verdict != "failed")


async def test_a_certificate_with_the_key_of_another_is_reported(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    (certificate, _), (_, key) = map(new_certificate, folders)

    files = {"tls_cert_file": str(certificate), "tls_key_file": str(key)}
    diagnosis = await diagnosis_of(tmp_path, **files)
    half = await diagnosis_of(tmp_path, tls_key_file=str(key))

    assert found(diagnosis)[1:] == [
        Check(
            "certificate",
            "failed",
            f"{certificate} and {key} are not a certificate and its key: KEY_VALUES_MISMATCH",
            next_step=NO_START,
        )
    ]
    assert found(half)[1].detail == (
        "BACKSCROLL_TLS_CERT_FILE is needed too: HTTPS requires a certificate and its key"
    )
    assert not diagnosis.is_well


async def test_a_certificate_whose_dates_cannot_be_read_is_not_a_failure(
    tmp_path: Path,
) -> None:
    certificate, key = new_certificate(tmp_path)
    pem = certificate.read_text()  # OpenSSL accepts this form too
    certificate.write_text(pem.replace(" CERTIFICATE-", " TRUSTED CERTIFICATE-"))

    diagnosis = await diagnosis_of(tmp_path, tls_cert_file=str(certificate), tls_key_file=str(key))

    assert found(diagnosis)[1:] == [
        Check("certificate", "unclear", "matches its key; its expiry date cannot be read")
    ]


async def test_an_issuer_is_asked_for_its_keys(tmp_path: Path) -> None:
    async with issuing() as issuer:
        settings = {"oauth_issuer": issuer.url, "oauth_resource": RESOURCE, "http_auth": "oauth"}
        well = await diagnosis_of(tmp_path, **settings)
        issuer.broken = True
        wrong = await diagnosis_of(tmp_path, **settings)
    without = await diagnosis_of(tmp_path, http_auth="oauth")

    assert found(well) == [
        Check("callers", "ok", f"holders of a token from {issuer.url}; web pages on this machine"),
        Check("issuer", "ok", "returned its keys"),
    ]
    assert well.http[1].ms is not None
    assert found(wrong)[1] == Check(
        "issuer",
        "failed",
        f"{issuer.url}/.well-known/oauth-authorization-server answers with status 500",
        next_step="Check BACKSCROLL_OAUTH_ISSUER, the network, and that the issuer is running.",
    )
    assert found(without)[1] == Check(
        "issuer",
        "failed",
        "BACKSCROLL_OAUTH_ISSUER is needed for BACKSCROLL_HTTP_AUTH=oauth.",
        next_step=NO_START,
    )
    assert (well.is_well, wrong.is_well, without.is_well) == (True, False, False)


async def test_valid_tokens_are_counted(tmp_path: Path, database_url: str) -> None:
    for name in ("ada", "bob", "eve"):
        await issue(database_url, new_token(name))
    await revoke(database_url, "eve")

    diagnosis = await diagnosis_of(tmp_path, http_auth="token", database=database_url)
    await revoke(database_url, "bob")
    one = await diagnosis_of(tmp_path, http_auth="token", database=database_url)

    assert found(diagnosis)[1] == Check("tokens", "ok", "2 valid")
    assert found(one)[1] == Check("tokens", "ok", "1 valid")


async def test_tokens_that_the_upstream_will_refuse_are_reported(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    for name, variable in (("ada", "ADA_KEY"), ("bob", "BOB_KEY"), ("tom", "")):
        await issue(url, new_token(name, key_variable=variable))
    upstream = {"upstream": "openai", "base_url": NOWHERE, "http_auth": "token"}

    both = await diagnosis_of(tmp_path, ADA_KEY="k", **upstream)
    unset = await diagnosis_of(tmp_path, ADA_KEY="k", api_key="k", **upstream)

    assert found(both)[1:] == [
        Check(
            "tokens",
            "warning",
            "3 valid; 1 without a key to openai; the server has none either",
            next_step="Create the token again: "
            "backscroll token create NAME --upstream-key-variable VARIABLE",
        ),
        Check(
            "callers' keys",
            "warning",
            "not set here, or set to an unusable key: BOB_KEY",
            next_step="Set them in the server's environment.",
        ),
    ]
    for number in range(7):
        await issue(url, new_token("more", key_variable=f"KEY_{number}"))
    many = await diagnosis_of(tmp_path, ADA_KEY="k", **upstream)

    assert found(many)[-1].detail == (
        "not set here, or set to an unusable key: BOB_KEY, KEY_0, KEY_1, KEY_2, KEY_3, and 3 more"
    )
    assert [check.name for check in found(unset)[1:]] == ["tokens", "callers' keys"]
    assert found(unset)[1] == Check("tokens", "ok", "3 valid")


async def test_a_token_database_that_cannot_be_opened_is_reported_once(
    tmp_path: Path,
) -> None:
    (tmp_path / "store.db").write_text("no database\n" * 100)
    elsewhere = {"upstream": "openai", "base_url": NOWHERE, "api_key": "k"}

    ours = await diagnosis_of(tmp_path, http_auth="token")
    theirs = await diagnosis_of(tmp_path, http_auth="token", **elsewhere)

    assert [check.name for check in ours.http] == ["callers"]
    assert [(check.name, check.verdict) for check in ours.checks] == [("database", "failed")]
    assert [(check.name, check.verdict) for check in theirs.http] == [
        ("callers", "ok"),
        ("database", "failed"),
    ]


def test_a_person_and_a_script_read_the_same(tmp_path: Path) -> None:
    variables = {"BACKSCROLL_DATABASE": f"sqlite:///{tmp_path / 'store.db'}"}
    options = ["doctor", "--http-auth", "token", "--host", "0.0.0.0"]  # noqa: S104 - as above

    text = CliRunner().invoke(commands, options, env=variables)
    document = CliRunner().invoke(commands, [*options, "--json"], env=variables)

    lines = text.stdout.splitlines()
    at = lines.index("HTTP: token, 0.0.0.0")
    assert lines[at + 1].startswith(
        "  FAIL  callers               --host 0.0.0.0 lets other machines call"
    )
    assert "  WARN  tokens                no valid token: no caller has access" in lines
    assert f"Failed checks: 1. Tools that will not work: 0 of {len(NAMES)}." in lines
    assert [one["verdict"] for one in json.loads(document.stdout)["http"]] == ["failed", "warning"]
    assert text.exit_code == document.exit_code == 1
