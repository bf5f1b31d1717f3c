"""The list of all that upstreams do otherwise: each behaviour has its source and its test."""

from collections import Counter
from pathlib import Path

from tests.upstreams import (  # noqa: F401 - the tests that note what they show
    test_connecting,
    test_conversing,
    test_failing,
    test_filing,
    test_google,
    test_paging,
    test_responding,
    test_servers,
    test_sessions,
    test_shapes,
)
from tests.upstreams.connecting import CONNECTING
from tests.upstreams.conversing import CONVERSING
from tests.upstreams.covering import SHOWN
from tests.upstreams.failing import FAILING
from tests.upstreams.filing import FILING
from tests.upstreams.google import GOOGLE
from tests.upstreams.mistral import MISTRAL
from tests.upstreams.paging import PAGING
from tests.upstreams.responding import RESPONDING
from tests.upstreams.servers import SERVERS
from tests.upstreams.sessions import SESSIONS
from tests.upstreams.shapes import SHAPES

BEHAVIOURS = (
    *PAGING,
    *SHAPES,
    *FAILING,
    *CONVERSING,
    *RESPONDING,
    *FILING,
    *CONNECTING,
    *SERVERS,
    *SESSIONS,
    MISTRAL,
    GOOGLE,
)


def test_every_behaviour_is_listed_once_with_its_source() -> None:
    assert Counter(behaviour.name for behaviour in BEHAVIOURS).most_common(1)[0][1] == 1
    assert all(behaviour.source for behaviour in BEHAVIOURS)


def test_every_listed_behaviour_is_shown_by_a_test_and_no_other() -> None:
    assert {behaviour.name for behaviour in BEHAVIOURS} == SHOWN


def test_every_upstream_of_the_table_is_among_the_sources() -> None:
    sources = " ".join(behaviour.source for behaviour in BEHAVIOURS)
    for upstream in (
        "OpenAI",
        "Azure",
        "LiteLLM",
        "OGX",
        "Mistral",
        "Google",
        "open-assistant-api",
        "Astra",
        "DashScope",
        "BerriAI/litellm#6530",
        "microsoft/semantic-kernel#12943",
        "openai-python#1045",
        "dotnet/extensions#7704",
        "OGX #5611",
    ):
        assert upstream in sources


def test_the_readme_has_their_number() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")

    assert f"| {len(BEHAVIOURS)} documented behaviours (" in readme
