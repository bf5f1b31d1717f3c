"""The examples of docs/upstreams.md: there is one of every upstream, and each works."""

import re
from pathlib import Path

import pytest

from backscroll.settings.loading import load
from backscroll.upstream.connection import upstream_of
from backscroll_tools.client.profiles import PROFILES

DOCUMENT = Path(__file__).parents[2] / "docs" / "upstreams.md"

EXAMPLE = re.compile(r"^```sh\n((?:[A-Z_]+=\S+\n)+)```$", re.MULTILINE)


def examples() -> list[dict[str, str]]:
    """Return the variables of each example in the document."""
    blocks = EXAMPLE.findall(DOCUMENT.read_text(encoding="utf-8"))
    lines = [[line.partition("=") for line in block.splitlines()] for block in blocks]
    return [{name: value.replace("…", "x") for name, _, value in block} for block in lines]


def test_there_is_an_example_of_every_upstream() -> None:
    shown = {example.get("BACKSCROLL_UPSTREAM", "store") for example in examples()}

    assert shown == set(PROFILES)


@pytest.mark.parametrize("environ", examples(), ids=lambda environ: "-".join(environ.values()))
def test_an_example_works_as_it_stands(environ: dict[str, str]) -> None:
    settings = load({}, environ)
    if settings.upstream == "foundry":  # signs in with a library that need not be here
        settings = load({}, environ | {"BACKSCROLL_API_KEY": "token"})

    upstream = upstream_of(settings)

    assert upstream.profile.name == settings.upstream
    assert upstream.base_url.startswith(settings.base_url)
    assert (upstream.credential is not None) == bool(settings.api_key)
