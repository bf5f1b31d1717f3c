"""The names that we override or read inside uvicorn and h11 exist, and are listed in one place."""

import inspect
import re
from typing import Final

import h11
import pytest
import uvicorn
from uvicorn.lifespan.off import LifespanOff
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from backscroll import http
from backscroll.http.serving import answering
from backscroll.http.serving.connection_limits import BoundedServer
from backscroll.http.serving.receiving import PunctualProtocol

CLASSES: Final = {
    "H11Protocol": H11Protocol,
    "RequestResponseCycle": RequestResponseCycle,
    "Server": uvicorn.Server,
    "ServerState": ServerState,
    "Config": uvicorn.Config,
    "LifespanOff": LifespanOff,
    "Connection": h11.Connection,
}
LISTED: Final = {
    owner: names.replace("#", "").split()
    for owner, names in re.findall(
        r"^#   (\w+)(?: of h11)? has (.*(?:\n#       .*)*)", inspect.getsource(http), re.MULTILINE
    )
}
OURS: Final = (PunctualProtocol, BoundedServer, answering._Server)  # noqa: SLF001 - it overrides uvicorn's


def test_every_extended_class_has_its_names_listed() -> None:
    assert LISTED.keys() == CLASSES.keys()
    assert sum(map(len, LISTED.values())) > 20


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner, names in LISTED.items() for name in names]
)
def test_a_listed_name_exists(owner: str, name: str) -> None:
    whole = CLASSES[owner]
    assert name in vars(whole) or re.search(rf"\bself\.{name}\b", inspect.getsource(whole))


@pytest.mark.parametrize("ours", OURS)
def test_every_overridden_name_is_listed(ours: type) -> None:
    listed = {name for names in LISTED.values() for name in names}
    theirs = {
        name
        for base in ours.__mro__
        if base.__module__.startswith("uvicorn.")
        for name in vars(base)
    }
    overridden = {name for name in theirs & vars(ours).keys() if not name.startswith("__")}

    assert overridden
    assert overridden <= listed
