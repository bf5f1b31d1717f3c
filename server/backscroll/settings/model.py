"""Every setting, in one frozen value: a flag wins over the environment, which wins over a default.

Nothing heavy is imported here: settings are read before anything else is.
"""

import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args

from backscroll.settings.addresses import NEEDS_BASE_URL, NEEDS_KEY, flaw_of_address, flaw_of_key
from backscroll.settings.parsing import SettingsError, is_blank, parsed
from backscroll.settings.paths import absolute, absolute_database, data_folder, sqlite_url
from backscroll_tools import toolset
from backscroll_tools.client.groups import GROUPS
from backscroll_tools.client.profiles import PROFILES, Auth

PREFIX: Final = "BACKSCROLL_"

UPSTREAMS: Final = tuple(PROFILES)
AUTHS: Final[tuple[str, ...]] = ("", *get_args(Auth))
SERVES: Final = tuple(GROUPS)
TOOLSETS: Final = (*(each.name for each in toolset.TOOLSETS), "all")
OUTPUTS: Final = ("both", "text", "structured")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
LOG_FORMATS: Final = ("text", "json")
HTTP_AUTHS: Final = ("none", "token", "oauth")

OPENAI: Final = {
    "api_key": "OPENAI_API_KEY",
    "base_url": "OPENAI_BASE_URL",
    "organization": "OPENAI_ORG_ID",
    "project": "OPENAI_PROJECT_ID",
}
"""The variables that OpenAI's own client reads. They never choose the upstream."""

_PARTITION: Final = re.compile(r"[A-Za-z0-9_.=-]{0,128}")


def _setting(about: str, default: Any, **rule: Any) -> Any:  # noqa: ANN401 - as dataclasses.field
    shown = not rule.keys() & {"secret", "may_hold_password"}
    return field(default=default, repr=shown, metadata={"about": about, **rule})


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator can choose; each field is the variable `BACKSCROLL_` and its name."""

    upstream: str = _setting("where messages are kept", "store", one_of=UPSTREAMS)
    base_url: str = _setting("where the upstream is; openai has its own", "")
    api_key: str = _setting("the upstream's key", "", secret=True)
    organization: str = _setting("the OpenAI organization that requests are for", "")
    project: str = _setting(
        "the OpenAI project that requests are for; in the store, the partition", ""
    )
    auth: str = _setting("how the key is sent; by default as the upstream has it", "", one_of=AUTHS)
    serves: tuple[str, ...] = _setting(
        "what a compatible upstream serves, between commas",
        ("threads", "conversations", "chat_completions"),
        any_of=SERVES,
    )
    idempotency_keys: bool = _setting(
        "whether a compatible upstream replays a write whose Idempotency-Key comes again",
        default=False,
    )
    has_more: bool = _setting(
        "whether a compatible upstream says has_more: false at the end only", default=False
    )
    allow_http: bool = _setting(
        "whether an upstream on another machine may be asked without TLS", default=False
    )
    database: str = _setting(
        "the store's database: sqlite:///PATH (~/ is the home folder), by default in the user's "
        "data folder, or postgresql://user@host/name",
        "",
        may_hold_password=True,
        resolve=absolute_database,
    )
    toolsets: tuple[str, ...] = _setting(
        "the toolsets that agents are offered, between commas",
        (toolset.MESSAGES.name,),
        any_of=TOOLSETS,
    )
    read_only: bool = _setting("whether writing tools are withheld", default=False)
    result_chars: int = _setting(
        "the most characters of a result, its text and its structured content together",
        32_000,
        least=2_000,
        most=200_000,
    )
    output: str = _setting("which parts of a result are sent", "both", one_of=OUTPUTS)
    deadline_s: float = _setting(
        "the most seconds that a tool call takes", 60.0, least=1, most=3_600
    )
    quick_start: bool = _setting(
        "whether a stdio server answers first questions while it is still loading", default=True
    )
    reply_bytes: int = _setting(
        "the most bytes of an upstream's reply, unpacked",
        8_388_608,
        least=65_536,
        most=268_435_456,
    )
    log_level: str = _setting(
        "the least grave message that is logged to stderr", "warning", one_of=LOG_LEVELS
    )
    log_format: str = _setting(
        "how the log is written: lines of text, or a JSON object a line",
        "text",
        one_of=LOG_FORMATS,
    )
    http_auth: str = _setting(
        "how callers over HTTP say who they are; none on this machine alone",
        "none",
        one_of=HTTP_AUTHS,
        http=True,
    )
    allowed_hosts: tuple[str, ...] = _setting(
        "the names that callers over HTTP reach it by, between commas: example.com, example.com:*",
        (),
        http=True,
    )
    allowed_origins: tuple[str, ...] = _setting(
        "the web pages that may call it, between commas: https://example.com, or none",
        (),
        http=True,
    )
    oauth_issuer: str = _setting("who issues the tokens, as an URL", "", http=True)
    oauth_resource: str = _setting(
        "its own URL, which tokens must be issued for: https://example.com/mcp", "", http=True
    )
    oauth_partitions: bool = _setting(
        "whether everybody has a part of the store to themselves", default=False, http=True
    )
    http_workers: int = _setting(
        "processes that answer over HTTP; each uses one core",
        1,
        least=1,
        most=64,
        http=True,
    )
    http_calls: int = _setting(
        "the most requests under way over HTTP", 256, least=1, most=100_000, http=True
    )
    http_caller_calls: int = _setting(
        "the most requests of one caller under way", 32, least=1, most=100_000, http=True
    )
    http_caller_rate: int = _setting(
        "the most requests of one caller a second, over ten seconds",
        20,
        least=1,
        most=100_000,
        http=True,
    )
    http_receive_s: float = _setting(
        "the most seconds for the headers of a request, and for its body to arrive",
        10.0,
        least=0.1,
        most=600,
        http=True,
    )
    http_drain_s: float = _setting(
        "the most seconds that requests under way have to end when it stops",
        30.0,
        least=0,
        most=3_600,
        http=True,
    )
    tls_cert_file: str = _setting(
        "a certificate in PEM, to serve https", "", resolve=absolute, http=True
    )
    tls_key_file: str = _setting(
        "the certificate's key in PEM, unencrypted", "", resolve=absolute, http=True
    )

    @property
    def database_url(self) -> str:
        """The URL of the store's database; by default in the user's data folder."""
        return self.database or sqlite_url(data_folder() / "backscroll.db")


def load(
    flags: Mapping[str, str] | None = None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """Return the settings.

    A blank value counts as none. A relative path is in the current directory if a flag has it,
    and in the user's data folder if a variable does, because a host starts a server wherever it
    likes.

    Args:
        flags: values given on the command line, by field name.
        environ: the environment; besides `BACKSCROLL_…`, the variables that OpenAI's own
            client reads count if the upstream is openai.

    Raises:
        SettingsError: an unknown variable, or a value that breaks its rule.
    """
    flags = _set(flags or {})
    given = _given(flags, environ)
    fields = {item.name: item for item in dataclasses.fields(Settings)}
    for name, (shown, _) in given.items():
        if name not in fields:
            known = ", ".join(f"{PREFIX}{field.upper()}" for field in fields)
            message = f"{shown} is no setting. There are: {known}."
            raise SettingsError(message)
    values: dict[str, Any] = {
        name: parsed(shown, text, fields[name], Path.cwd if name in flags else data_folder)
        for name, (shown, text) in given.items()
    }
    settings = Settings(**values)
    _check_upstream(settings, {name: shown for name, (shown, _) in given.items()})
    return settings


def sources(
    flags: Mapping[str, str] | None = None, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return where each setting that is no default comes from: a flag or a variable, by field.

    Args:
        flags: as `load` has them.
        environ: as `load` has it.
    """
    return {name: shown for name, (shown, _) in _given(_set(flags or {}), environ).items()}


def _set(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in texts.items() if not is_blank(text)}


def _given(flags: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return where each setting that was made comes from, and its text, by field name."""
    environ = _set(environ)
    given = {
        name.removeprefix(PREFIX).lower(): (name, value)
        for name, value in environ.items()
        if name.startswith(PREFIX) and not name.startswith(f"{PREFIX}TEST_")
    }
    given |= {name: (f"--{name.replace('_', '-')}", value) for name, value in flags.items()}
    if given.get("upstream", ("", "store"))[1] == "openai":
        usual = {name: usual for name, usual in OPENAI.items() if usual in environ}
        given = {name: (usual[name], environ[usual[name]]) for name in usual} | given
    return given


def _check_upstream(settings: Settings, sources: Mapping[str, str]) -> None:
    """Refuse an address or a key that cannot be used, without repeating either.

    Args:
        settings: all of them.
        sources: where each that is no default comes from.

    Raises:
        SettingsError: naming the variable and the rule.
    """
    if settings.upstream == "store" and not _PARTITION.fullmatch(settings.project):
        rule = "must be 1 to 128 letters, digits and _ . = - for the store"
        raise SettingsError(f"{sources['project']} {rule}.")
    if settings.upstream in NEEDS_BASE_URL and not settings.base_url:
        message = f"{PREFIX}BASE_URL is needed for the upstream {settings.upstream}."
        raise SettingsError(message)
    if settings.base_url:
        flaw = flaw_of_address(settings.base_url, allow_http=settings.allow_http)
        if flaw:
            hint = f" ({PREFIX}ALLOW_HTTP=true allows it)" if "https:" in flaw else ""
            message = f"{sources['base_url']} {flaw}{hint}."
            raise SettingsError(message)
    keys_are_callers = (
        settings.http_auth == "token"
    )  # or else whoever asks says that one is missing
    if settings.upstream in NEEDS_KEY and not settings.api_key and not keys_are_callers:
        message = f"{NEEDS_KEY[settings.upstream]} is needed for the upstream {settings.upstream}."
        raise SettingsError(message)
    for name in ("api_key", "organization", "project"):
        if flaw := flaw_of_key(getattr(settings, name)):
            message = f"{sources[name]} {flaw}."
            raise SettingsError(message)
