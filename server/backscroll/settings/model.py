"""Defines all settings in one frozen dataclass.

Flags override environment variables, and environment variables override defaults. This module
imports nothing that is slow to import, because commands read the settings when they start.
"""

import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args

from backscroll.settings import variables
from backscroll.settings.addresses import NEEDS_BASE_URL, NEEDS_KEY, flaw_of_address, flaw_of_key
from backscroll.settings.keep_days import KeptDays, parse_days
from backscroll.settings.parsing import SettingsError, parsed
from backscroll.settings.paths import absolute, absolute_database, data_folder, sqlite_url
from backscroll.settings.programs import SOURCES, flaw_of_sources
from backscroll_tools import toolset
from backscroll_tools.client.groups import GROUPS
from backscroll_tools.client.profiles import PROFILES, Auth

PREFIX: Final = variables.PREFIX

UPSTREAMS: Final = tuple(PROFILES)
AUTHS: Final[tuple[str, ...]] = ("", *get_args(Auth))
SERVES: Final = tuple(GROUPS)
TOOLSETS: Final = (*(each.name for each in toolset.TOOLSETS), "all")
INDEXES: Final = ("text", "all")
OUTPUTS: Final = ("both", "text", "structured")
RESULT_CHARS_MAX: Final = 200_000
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
LOG_FORMATS: Final = ("text", "json")
HTTP_AUTHS: Final = ("none", "token", "oauth")

OPENAI: Final = variables.OPENAI

_PARTITION: Final = re.compile(r"[A-Za-z0-9_.=-]{0,128}")


def _setting(about: str, default: Any, **rule: Any) -> Any:  # noqa: ANN401 - Any, as in `dataclasses.field`
    shown = not rule.keys() & {"secret", "may_hold_password"}
    return field(default=default, repr=shown, metadata={"about": about, **rule})


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. The variable of a setting is `BACKSCROLL_` and its name in upper case."""

    upstream: str = _setting("the upstream that stores messages", "store", one_of=UPSTREAMS)
    base_url: str = _setting(
        f"the upstream's base URL; needed for {', '.join(sorted(NEEDS_BASE_URL))}", ""
    )
    api_key: str = _setting("the upstream's API key", "", secret=True)
    admin_key: str = _setting(
        "the admin API key, for objects of the organization in the toolset api", "", secret=True
    )
    organization: str = _setting("the OpenAI organization to send with requests", "")
    project: str = _setting(
        "the OpenAI project to send with requests; for the store, the partition", ""
    )
    auth: str = _setting(
        "how the key is sent; the default depends on the upstream", "", one_of=AUTHS
    )
    serves: tuple[str, ...] = _setting(
        "the APIs that a compatible upstream serves, comma-separated",
        ("threads", "conversations", "chat_completions", "responses"),
        any_of=SERVES,
    )
    idempotency_keys: bool = _setting(
        "whether a compatible upstream honours Idempotency-Key when a write is repeated",
        default=False,
    )
    has_more: bool = _setting(
        "whether a compatible upstream sends has_more=false only on the last page", default=False
    )
    allow_http: bool = _setting(
        "whether to allow an upstream on another machine without TLS", default=False
    )
    database: str = _setting(
        "the store's database: sqlite:///PATH (~/ is the home folder) or "
        "postgresql://user@host/name; by default a SQLite file in the user's data folder",
        "",
        may_hold_password=True,
        resolve=absolute_database,
    )
    database_read: str = _setting(
        "the URL of a standby for reads: postgresql://user@host/name", "", may_hold_password=True
    )
    keep_days: tuple[str, ...] = _setting(
        "after how many days without activity the store erases a conversation for good, also by "
        "partition: 365,team-a=30,team-b=0 (0: never)",
        (),
        check=parse_days,
    )
    sources: tuple[str, ...] = _setting(
        "the programs whose sessions a running server brings in, comma-separated",
        (),
        any_of=SOURCES,
    )
    sync_quiet_s: float = _setting(
        "search leaves out sessions of the server's working directory that changed within this "
        "many seconds",
        600.0,
        least=0,
        most=86_400,
    )
    index: str = _setting(
        "what the store's search finds: only the text of messages (text), or also the calls and "
        "outputs of tools (all)",
        "text",
        one_of=INDEXES,
    )
    embeddings_url: str = _setting(
        "the base URL of an embeddings API, to search by meaning too", ""
    )
    embeddings_model: str = _setting("the model of the embeddings", "")
    embeddings_key: str = _setting("the API key for the embeddings", "", secret=True)
    toolsets: tuple[str, ...] = _setting(
        "the toolsets to offer agents, comma-separated",
        (toolset.MESSAGES.name,),
        any_of=TOOLSETS,
    )
    read_only: bool = _setting("whether to hide the tools that write", default=False)
    result_chars: int = _setting(
        "the maximum length of a result in characters, text and structured content together",
        32_000,
        least=2_000,
        most=RESULT_CHARS_MAX,
    )
    output: str = _setting("what a result has: text, structured or both", "both", one_of=OUTPUTS)
    deadline_s: float = _setting(
        "the maximum duration of a tool call in seconds", 60.0, least=1, most=3_600
    )
    quick_start: bool = _setting(
        "whether a stdio server answers the first requests while still loading", default=True
    )
    reply_bytes: int = _setting(
        "the maximum size of a reply from another server in bytes, decompressed",
        8_388_608,
        least=65_536,
        most=268_435_456,
    )
    log_level: str = _setting("the lowest level to log to stderr", "warning", one_of=LOG_LEVELS)
    log_format: str = _setting(
        "the log's format: lines of text, or one JSON object per line",
        "text",
        one_of=LOG_FORMATS,
    )
    http_auth: str = _setting(
        "how HTTP callers authenticate; the value none is allowed only on a loopback address",
        "none",
        one_of=HTTP_AUTHS,
        http=True,
    )
    allowed_hosts: tuple[str, ...] = _setting(
        "the host names that HTTP callers may use, comma-separated: example.com, example.com:*",
        (),
        http=True,
    )
    allowed_origins: tuple[str, ...] = _setting(
        "the web origins that may call, comma-separated, such as https://example.com; the "
        "value none refuses all",
        (),
        http=True,
    )
    oauth_issuer: str = _setting("the token issuer's URL", "", http=True)
    oauth_resource: str = _setting(
        "this server's URL, as in the tokens' audience: https://example.com/mcp", "", http=True
    )
    oauth_partitions: bool = _setting(
        "whether each OAuth user has a separate partition of the store", default=False, http=True
    )
    http_workers: int = _setting(
        "the number of HTTP worker processes; each uses one core",
        1,
        least=1,
        most=64,
        http=True,
    )
    http_calls: int = _setting(
        "the maximum number of concurrent HTTP requests", 256, least=1, most=100_000, http=True
    )
    http_caller_calls: int = _setting(
        "the maximum number of concurrent requests per caller", 32, least=1, most=100_000, http=True
    )
    http_caller_rate: int = _setting(
        "the maximum requests per second per caller, averaged over ten seconds",
        20,
        least=1,
        most=100_000,
        http=True,
    )
    http_receive_s: float = _setting(
        "the maximum wait in seconds for a request's headers, and for its body",
        10.0,
        least=0.1,
        most=600,
        http=True,
    )
    http_drain_s: float = _setting(
        "the maximum wait in seconds for requests in progress at shutdown",
        30.0,
        least=0,
        most=3_600,
        http=True,
    )
    tls_cert_file: str = _setting(
        "a TLS certificate in PEM, to serve HTTPS", "", resolve=absolute, http=True
    )
    tls_key_file: str = _setting(
        "the certificate's private key in PEM, unencrypted", "", resolve=absolute, http=True
    )

    @property
    def indexes_tools(self) -> bool:
        """Whether the store's search finds the calls and outputs of tools."""
        return self.index == "all"

    @property
    def days_of(self) -> KeptDays | None:
        """How many days each partition of the store keeps what is in it; None if all for ever."""
        return parse_days(self.keep_days)

    @property
    def database_url(self) -> str:
        """The URL of the store's database."""
        return self.database or sqlite_url(data_folder() / "backscroll.db")


def load(
    flags: Mapping[str, str] | None = None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """Return the settings.

    A blank value counts as unset. A relative path in a flag is relative to the current directory. A
    relative path in a variable is relative to the user's data folder, because hosts start servers
    in arbitrary directories.

    Args:
        flags: values given on the command line, by field name.
        environ: the environment variables. If the upstream is `openai`, the variables of OpenAI's
            client are used for settings whose `BACKSCROLL_…` variable is not set.

    Raises:
        SettingsError: a variable is unknown, or a value is not valid.
    """
    flags = variables.without_blanks(flags or {})
    given = variables.set_in(flags, environ)
    fields = {item.name: item for item in dataclasses.fields(Settings)}
    for name, (source, _) in given.items():
        if name not in fields:
            known = ", ".join(f"{PREFIX}{field.upper()}" for field in fields)
            message = f"{source} is not a setting. The settings are: {known}."
            raise SettingsError(message)
    values: dict[str, Any] = {
        name: parsed(source, text, fields[name], Path.cwd if name in flags else data_folder)
        for name, (source, text) in given.items()
    }
    settings = Settings(**values)
    _check_upstream(settings, {name: source for name, (source, _) in given.items()})
    return settings


def sources(
    flags: Mapping[str, str] | None = None, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return the flag or variable of each setting that is set, by field name, as in `load`."""
    given = variables.set_in(variables.without_blanks(flags or {}), environ)
    return {name: source for name, (source, _) in given.items()}


def _check_upstream(settings: Settings, sources: Mapping[str, str]) -> None:
    """Raise a `SettingsError` for a base URL, key or partition that cannot be used, unquoted."""
    if settings.upstream == "store" and not _PARTITION.fullmatch(settings.project):
        rule = "must have 1 to 128 characters for the store: letters, digits, _ . = and -"
        raise SettingsError(f"{sources['project']} {rule}.")
    if flaw := flaw_of_sources(settings.sources, settings.upstream):
        raise SettingsError(f"{sources['sources']} {flaw}.")
    if settings.upstream in NEEDS_BASE_URL and not settings.base_url:
        message = f"{PREFIX}BASE_URL is needed for the upstream {settings.upstream}."
        raise SettingsError(message)
    for name, key in (("base_url", "API_KEY"), ("embeddings_url", "EMBEDDINGS_KEY")):
        address, allow_http = getattr(settings, name), settings.allow_http
        if address and (
            flaw := flaw_of_address(address, allow_http=allow_http, key=f"{PREFIX}{key}")
        ):
            hint = f" ({PREFIX}ALLOW_HTTP=true allows it)" if "https:" in flaw else ""
            message = f"{sources[name]} {flaw}{hint}."
            raise SettingsError(message)
    # If callers send tokens, a missing key is reported only when a call needs it.
    keys_are_callers = settings.http_auth == "token"
    if settings.upstream in NEEDS_KEY and not settings.api_key and not keys_are_callers:
        message = f"{NEEDS_KEY[settings.upstream]} is needed for the upstream {settings.upstream}."
        raise SettingsError(message)
    for name in ("api_key", "admin_key", "organization", "project", "embeddings_key"):
        if flaw := flaw_of_key(getattr(settings, name)):
            message = f"{sources[name]} {flaw}."
            raise SettingsError(message)
