"""Defines all settings in one frozen dataclass. The module `loading` reads them.

This module imports nothing that is slow to import, because commands read the settings when they
start.
"""

from dataclasses import dataclass, field
from typing import Any, Final, get_args

from backscroll.settings import variables
from backscroll.settings.addresses import NEEDS_BASE_URL
from backscroll.settings.keep_days import KeptDays, parse_days
from backscroll.settings.paths import absolute, absolute_database, data_folder, sqlite_url
from backscroll.settings.programs import SOURCES
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
RECORDS: Final = ("api", "all", "none", "best-effort")
STATES: Final = ("store", "upstream")

OPENAI: Final = variables.OPENAI


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
    model_url: str = _setting(
        "the base URL of the model server that backscroll store forwards to and records",
        "",
        recorder=True,
    )
    model_key: str = _setting(
        "the model server's API key; if unset, the key of each caller is passed on",
        "",
        secret=True,
        recorder=True,
    )
    record: str = _setting(
        "which answers are recorded: those that OpenAI's API would keep (api), all or none; "
        "best-effort is api, but answers are passed on even if the database fails",
        "api",
        one_of=RECORDS,
        recorder=True,
    )
    model_state: str = _setting(
        "who keeps responses and conversations for later turns: this store, or the model server "
        "(upstream)",
        "store",
        one_of=STATES,
        recorder=True,
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
