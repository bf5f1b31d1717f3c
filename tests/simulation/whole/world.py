"""Builds the world of a seed, runs it, and reports the promises that it broke."""

import random
import re
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import anyio
import httpx2

from backscroll.settings.model import Settings
from backscroll.store.app import UPKEEP_AFTER_S
from backscroll_tools.models import JSON
from tests.simulation import clock
from tests.simulation.whole import agents, changes
from tests.simulation.whole.agents import COMMON, Agent
from tests.simulation.whole.faults import Drawn, Fault, Plan, Told
from tests.simulation.whole.hosts import ADDRESS, Host
from tests.simulation.whole.ledger import Kept, Ledger, Letter
from tests.simulation.whole.network import Network
from tests.simulation.whole.store import App, Parts, Store

T = TypeVar("T")

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the files are in a folder of their own in it
_KEPT_DAYS: Final = 2
"""For how long some stores keep messages; no run takes so long."""
_SWEPT_S: Final = 4_200.0
"""The time in which a sweep happens for sure: one each hour, looked for every ten minutes."""

_ID: Final = re.compile(r"\b(thread|conv|msg)_[A-Za-z0-9]{24}\b")
_CONSONANTS: Final = "bcdfghjkmnpqrtvw"


@dataclass(frozen=True, slots=True)
class Report:
    """The result of one run.

    Attributes:
        seed: the seed.
        faults: the faults that happened.
        violations: the promises that were broken.
        log: what happened, a line each. Ids are numbered as they appear, because they are random.
        endings: how many calls ended in which way.
        letters: how many messages were to be written.
        requests: how many requests were made.
        kills: how many processes of the store and of servers were killed.
    """

    seed: int
    faults: tuple[Fault, ...]
    violations: tuple[str, ...]
    log: tuple[str, ...]
    endings: Counter[str]
    letters: int
    requests: int
    kills: int


@dataclass(slots=True)
class Log:
    """What happened, a line each.

    Attributes:
        lines: the lines.
        endings: how many calls ended in which way.
    """

    lines: list[str] = field(default_factory=list)
    endings: Counter[str] = field(default_factory=Counter)
    _names: dict[str, str] = field(default_factory=dict)

    def note(self, line: str) -> None:
        """Add a line, with ids by their order of appearance."""
        if " -> " in line:
            self.endings[line.partition(" -> ")[2].split()[0]] += 1
        self.lines.append(f"{anyio.current_time():9.3f} {_ID.sub(self._named, line)}")

    def _named(self, found: re.Match[str]) -> str:
        return self._names.setdefault(found[0], f"{found[1]}#{len(self._names)}")


def run_seed(seed: int, faults: Sequence[Fault] | None = None, parts: Parts = Parts()) -> Report:  # noqa: B008 - Parts is frozen
    """Run the world of a seed to its end.

    Args:
        seed: the seed.
        faults: the faults of requests; by default those that follow from the seed.
        parts: the parts of the store, which a test may break.
    """
    rng = random.Random(f"{seed} world")
    drawn = Drawn(seed, rng.choice((0.05, 0.2, 0.5)))
    plan: Plan = drawn if faults is None else Told(faults)
    log = Log()
    folder = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as path:
        world = _World(seed, rng, plan, parts, Path(path), log)
        return world.run()


@dataclass(slots=True, eq=False)
class _World:
    """The world of one seed."""

    seed: int
    rng: random.Random
    plan: Plan
    parts: Parts
    folder: Path
    log: Log

    def run(self) -> Report:
        """Run it to its end, and report on it."""
        days_of = (lambda _: _KEPT_DAYS) if self.rng.random() < 0.2 else None
        store = Store(self.seed, self.folder, self.parts, days_of)
        network = Network(self.seed, self.plan, store, self.log.note)
        ledger = Ledger(self.log.note, network.seen)
        hosts = self._hosts(network)
        try:
            clock.run(self._lived(store, network, ledger, hosts))
        except Exception as error:  # noqa: BLE001 - any error is reported with its seed
            ledger.violations.append(f"the run ended with {error!r}")
        return Report(
            self.seed,
            tuple(network.fired),
            tuple(ledger.violations),
            tuple(self.log.lines),
            self.log.endings,
            len(ledger.letters),
            network.requests.total(),
            store.kills + sum(host.ends for host in hosts),
        )

    def _hosts(self, network: Network) -> list[Host]:
        rng = self.rng
        settings = Settings(
            database="sqlite://",
            toolsets=("messages", "threads"),
            result_chars=rng.choice((2_000, 32_000)),
            deadline_s=rng.choice((5.0, 60.0)),
        )
        return [
            Host(self.seed, name, network, settings, rng.choice(("legacy", "auto")))
            for name in "abc"[: rng.randrange(1, 4)]
        ]

    async def _lived(
        self, store: Store, network: Network, ledger: Ledger, hosts: list[Host]
    ) -> None:
        async with anyio.create_task_group() as background:
            background.start_soon(store.keep_running)
            for host in hosts:
                background.start_soon(host.keep_running)
            process = await store.started()
            lists = await self._prepared(_client(process.app), ledger)
            if store.days_of is not None:
                await anyio.sleep(UPKEEP_AFTER_S + 10)  # the first time that it sees, it trusts
            async with anyio.create_task_group() as acting:
                for number, work in enumerate(self._works(ledger, lists)):
                    for host in self.rng.sample(hosts, 2 if work.shared and hosts[1:] else 1):
                        rng = random.Random(f"{self.seed} agent {host.name} {number}")
                        acting.start_soon(work.act, Agent(host, ledger, rng))
            await network.settled()
            if store.days_of is not None:
                # After the clock was set, a sweep may still erase nothing, because all is new.
                await anyio.sleep(_SWEPT_S)
                await agents.repeat(Agent(hosts[0], ledger, self.rng))
                await network.settled()
            # What the store must keep is what it has after one more kill.
            (await store.started()).kill()
            process = await store.started()
            self.log.note("the end")
            http = _client(process.app)
            kept = await _all_kept(http)
            ledger.check_end(kept)
            await _check_searches(http, ledger, kept)
            background.cancel_scope.cancel()
        ledger.violations += _damage(process.path)

    async def _prepared(self, http: httpx2.AsyncClient, ledger: Ledger) -> list[str]:
        """Write what is there before anything happens, and return the ids of the lists."""
        lists = []
        for kind in self.rng.choice((("threads",), ("threads", "conversations"))):
            letters = [self._letter(ledger, {}) for _ in range(self.rng.choice((1, 2, 8, 20)))]
            member = "messages" if kind == "threads" else "items"
            fields: JSON = {} if kind == "threads" else {"type": "message"}
            body = {member: [{**fields, **letter.arguments} for letter in letters]}
            reply = (await http.post(f"/{kind}", json=body)).json()
            lists.append(reply["id"])
            for letter, kept in zip(letters, await _kept(http, lists[-1]), strict=True):
                letter.list_id, letter.id, letter.written_at = lists[-1], kept.id, 0.0
                letter.denied = False
        return lists

    def _letter(self, ledger: Ledger, arguments: JSON) -> Letter:
        """Return a new letter, with a word that no other letter has."""
        rng, number = self.rng, len(ledger.letters)
        word = "xz" + "".join(_CONSONANTS[number // 16**place % 16] for place in range(3))
        long = "long " * rng.randrange(1_500) if rng.random() < 0.05 else ""
        content = f"{word} {COMMON} {long}end"
        letter = Letter(word, {"role": rng.choice(("user", "assistant")), "content": content})
        letter.arguments |= arguments
        ledger.letters.append(letter)
        return letter

    def _works(self, ledger: Ledger, lists: list[str]) -> list["_Work"]:
        """Return what agents do."""
        rng = self.rng
        works: list[_Work] = []
        for number in range(rng.randrange(2, 9)):
            arguments: JSON = {}
            if rng.random() < 0.8:
                arguments["thread_id"] = rng.choice(lists)
            if rng.random() < 0.6:
                arguments["idempotency_key"] = f"key-{number}"
            letter = self._letter(ledger, arguments)
            letter.shared = "idempotency_key" in arguments and rng.random() < 0.3
            erases = not letter.shared and rng.random() < 0.3
            act = agents.erase if erases else agents.write
            works.append(_Work(partial(_given, act, letter), letter.shared))
        for change in (changes.start, changes.discard):
            if rng.random() < 0.3:
                letters = [self._letter(ledger, {}) for _ in range(rng.randrange(1, 4))]
                works.append(_Work(partial(_given, change, letters)))
        for list_id in lists:
            works += [_Work(partial(_given, changes.copy, list_id))] * (rng.random() < 0.15)
            works += [_Work(partial(_given, agents.walk, list_id))] * rng.randrange(3)
        others = (agents.read, agents.search, agents.browse, changes.mark)
        return works + [_Work(rng.choice(others)) for _ in range(rng.randrange(6))]


@dataclass(frozen=True, slots=True)
class _Work:
    """What an agent does, and whether two hosts do it at the same time."""

    act: Callable[[Agent], Coroutine[object, object, None]]
    shared: bool = False


async def _given(
    act: Callable[[Agent, T], Coroutine[object, object, None]], thing: T, agent: Agent
) -> None:
    await act(agent, thing)


def _client(app: App | None) -> httpx2.AsyncClient:
    """Return a client without a network."""
    assert app is not None
    transport, beta = httpx2.ASGITransport(app), {"OpenAI-Beta": "assistants=v2"}
    return httpx2.AsyncClient(transport=transport, base_url=ADDRESS, headers=beta)


async def _kept(http: httpx2.AsyncClient, list_id: str) -> list[Kept]:
    """Return all messages of a list, from the oldest on."""
    kind = "conversations" if list_id.startswith("conv_") else "threads"
    path = f"/{kind}/{list_id}/{'items' if kind == 'conversations' else 'messages'}"
    reply = (await http.get(path, params={"limit": 100, "order": "asc"})).json()
    assert not reply["has_more"], "a list of the simulation is short"
    return [
        Kept(each["id"], each["role"], _text(each), each.get("metadata", {}))
        for each in reply["data"]
    ]


def _text(message: JSON) -> str:
    (part,) = message["content"]
    text = part["text"]
    return str(text["value"] if isinstance(text, dict) else text)


async def _all_kept(http: httpx2.AsyncClient) -> dict[str, list[Kept]]:
    """Return all messages of all lists."""
    params = {"sort": "activity", "include[]": "conversations", "limit": "100"}
    reply = (await http.get("/threads", params=params)).json()
    assert not reply["has_more"], "a simulation has few lists"
    return {each["id"]: await _kept(http, each["id"]) for each in reply["data"]}


async def _check_searches(
    http: httpx2.AsyncClient, ledger: Ledger, kept: dict[str, list[Kept]]
) -> None:
    """Check that search finds what is there, and nothing else."""
    there = [each for messages in kept.values() for each in messages]
    for letter in ledger.letters:
        reply = (await http.get("/search", params={"query": letter.word})).json()
        found = sorted(hit["id"] for hit in reply["data"])
        if found != sorted(each.id for each in there if letter.word in each.text):
            ledger.broken(f"a search for {letter.word} found {found} in the end")


def _damage(path: Path) -> list[str]:
    """Return what SQLite finds wrong with a database."""
    with closing(sqlite3.connect(path)) as connection:
        found = [row for (row,) in connection.execute("PRAGMA integrity_check")]
    return [f"the database is damaged: {row}" for row in found if row != "ok"]
