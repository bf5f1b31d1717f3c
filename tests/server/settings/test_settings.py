"""What the environment says is taken as said, or ends the start with one clear line."""

import pytest

from backscroll.settings.loading import load
from backscroll.settings.model import Settings
from backscroll.settings.parsing import SettingsError
from backscroll.upstream.connection import upstream_of
from backscroll_tools.client.groups import GROUPS
from backscroll_tools.client.profiles import STORE

KEY = "sk-live-0123456789abcdef"
OPENAI = {
    "OPENAI_API_KEY": KEY,
    "OPENAI_BASE_URL": "https://proxy.example/v1",
    "OPENAI_ORG_ID": "org-1",
    "OPENAI_PROJECT_ID": "proj_1",
}


def refused(environ: dict[str, str], **flags: str) -> str:
    """Return the line that settings are refused with."""
    with pytest.raises(SettingsError) as error:
        load(flags, environ)
    line = str(error.value)
    assert "\n" not in line
    assert KEY not in line
    return line


def test_the_store_is_the_upstream_where_nothing_is_said() -> None:
    settings = load({}, {})
    assert settings == Settings(database=settings.database)
    assert upstream_of(settings).profile is STORE


def test_a_key_in_the_environment_never_chooses_the_upstream() -> None:
    settings = load({}, OPENAI)
    assert settings == load({}, {})
    assert upstream_of(settings).credential is None


def test_the_variables_of_openai_s_own_client_count_for_openai_alone() -> None:
    settings = load({}, {"BACKSCROLL_UPSTREAM": "openai", **OPENAI})
    assert (settings.api_key, settings.base_url) == (KEY, "https://proxy.example/v1")
    assert (settings.organization, settings.project) == ("org-1", "proj_1")

    other = load(
        {},
        {
            "BACKSCROLL_UPSTREAM": "compatible",
            "BACKSCROLL_BASE_URL": "https://a.example/v1",
            **OPENAI,
        },
    )
    assert (other.api_key, other.base_url) == ("", "https://a.example/v1")
    assert (other.organization, other.project) == ("", "")


def test_a_variable_of_backscroll_wins_over_one_of_openai_and_a_flag_over_both() -> None:
    environ = {
        "BACKSCROLL_UPSTREAM": "openai",
        "BACKSCROLL_API_KEY": "sk-own",
        "BACKSCROLL_BASE_URL": "https://own.example/v1",
        **OPENAI,
    }
    assert load({}, environ).api_key == "sk-own"
    assert load({}, environ).base_url == "https://own.example/v1"
    assert load({"base_url": "https://flag.example"}, environ).base_url == "https://flag.example"


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        (
            {"BACKSCROLL_UPSTREAM": "openai"},
            "BACKSCROLL_API_KEY (or OPENAI_API_KEY) is needed for the upstream openai.",
        ),
        (
            {"BACKSCROLL_PROJECT": "a b"},
            (
                "BACKSCROLL_PROJECT must have 1 to 128 characters for the store: letters, digits, "
                "_ . = and -."
            ),
        ),
        (
            {"BACKSCROLL_UPSTREAM": "compatible"},
            "BACKSCROLL_BASE_URL is needed for the upstream compatible.",
        ),
        (
            {"BACKSCROLL_UPSTREAM": "foundry", "BACKSCROLL_API_KEY": KEY},
            "BACKSCROLL_BASE_URL is needed for the upstream foundry.",
        ),
        (
            {"BACKSCROLL_UPSTREAM": "azure", "BACKSCROLL_API_KEY": KEY},
            "BACKSCROLL_BASE_URL is needed for the upstream azure.",
        ),
        (
            {"BACKSCROLL_UPSTREAM": "compatible", "BACKSCROLL_BASE_URL": f"http://{KEY}.example"},
            (
                "BACKSCROLL_BASE_URL must use https: otherwise keys and messages would be "
                "sent unencrypted (BACKSCROLL_ALLOW_HTTP=true allows it)."
            ),
        ),
        (
            {
                "BACKSCROLL_UPSTREAM": "compatible",
                "BACKSCROLL_BASE_URL": f"https://u:{KEY}@a.example/v1",
            },
            "BACKSCROLL_BASE_URL must not contain credentials: set BACKSCROLL_API_KEY instead.",
        ),
        (
            {"BACKSCROLL_EMBEDDINGS_URL": f"http://{KEY}.example"},
            (
                "BACKSCROLL_EMBEDDINGS_URL must use https: otherwise keys and messages would be "
                "sent unencrypted (BACKSCROLL_ALLOW_HTTP=true allows it)."
            ),
        ),
        (
            {"BACKSCROLL_EMBEDDINGS_URL": f"https://u:{KEY}@a.example/v1"},
            (
                "BACKSCROLL_EMBEDDINGS_URL must not contain credentials: set "
                "BACKSCROLL_EMBEDDINGS_KEY instead."
            ),
        ),
        (
            {"BACKSCROLL_EMBEDDINGS_KEY": f"{KEY}\n"},
            "BACKSCROLL_EMBEDDINGS_KEY must be printable ASCII without spaces or line breaks.",
        ),
        (
            {"BACKSCROLL_UPSTREAM": "openai", "OPENAI_API_KEY": f"{KEY}\n"},
            "OPENAI_API_KEY must be printable ASCII without spaces or line breaks.",
        ),
        (
            {
                "BACKSCROLL_UPSTREAM": "openai",
                "OPENAI_API_KEY": KEY,
                "OPENAI_BASE_URL": "https://a.example/v1?x=1",
            },
            "OPENAI_BASE_URL must not have a query or a fragment.",
        ),
        (
            {
                "BACKSCROLL_UPSTREAM": "openai",
                "OPENAI_API_KEY": KEY,
                "OPENAI_ORG_ID": "org-1\r\nX-Other: 1",
            },
            "OPENAI_ORG_ID must be printable ASCII without spaces or line breaks.",
        ),
        (
            {"BACKSCROLL_UPSTREAM": "litellm"},
            (
                "BACKSCROLL_UPSTREAM must be store or openai or foundry or azure or fireworks or "
                "chatkit or anthropic or mistral or google or compatible, not 'litellm'."
            ),
        ),
        (
            {"BACKSCROLL_SERVES": "threads,evals"},
            f"BACKSCROLL_SERVES must be {' or '.join(GROUPS)}, not 'evals'.",
        ),
        (
            {"BACKSCROLL_ALLOW_HTTP": "perhaps"},
            "BACKSCROLL_ALLOW_HTTP must be true or false, not 'perhaps'.",
        ),
        (
            {"BACKSCROLL_DEADLINE_S": "nan"},
            "BACKSCROLL_DEADLINE_S must be a number from 1 to 3600, not 'nan'.",
        ),
        (
            {"BACKSCROLL_RESULT_CHARS": "1999"},
            "BACKSCROLL_RESULT_CHARS must be a whole number from 2000 to 200000, not '1999'.",
        ),
    ],
)
def test_a_setting_that_cannot_be_used_ends_the_start_in_one_line(
    environ: dict[str, str], line: str
) -> None:
    assert refused(environ) == line


def test_plain_http_to_another_machine_takes_a_setting_that_says_so() -> None:
    environ = {
        "BACKSCROLL_UPSTREAM": "compatible",
        "BACKSCROLL_BASE_URL": "http://upstream.example/v1",
        "BACKSCROLL_ALLOW_HTTP": "true",
    }
    assert load({}, environ).base_url == "http://upstream.example/v1"


@pytest.mark.parametrize("upstream", ["azure", "foundry"])
def test_a_key_is_asked_for_where_nothing_else_names_the_caller(upstream: str) -> None:
    settings = Settings(upstream=upstream, base_url="https://a.example")
    with pytest.raises(SettingsError, match="BACKSCROLL_API_KEY"):
        upstream_of(settings)


def test_a_database_is_in_no_representation_for_its_url_may_hold_a_password() -> None:
    settings = load({}, {"BACKSCROLL_DATABASE": f"postgresql://ann:{KEY}@db.example/talks"})
    assert KEY in settings.database_url
    assert KEY not in repr(settings)
