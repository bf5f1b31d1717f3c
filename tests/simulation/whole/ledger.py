"""What agents wrote, what they were told of it, and whether that was true."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from backscroll_tools.models import JSON
from tests.simulation.actors import Reading
from tests.simulation.whole.hosts import Outcome
from tests.simulation.whole.network import Seen

_NAMED: Final = re.compile(r'(thread_id|idempotency_key) "([^"]+)"')


@dataclass(frozen=True, slots=True)
class Kept:
    """A message that the store has in the end."""

    id: str
    role: str
    text: str


@dataclass(slots=True, eq=False)
class Letter:
    """One message that is to be written once.

    Attributes:
        word: a word that is in no other message.
        arguments: the arguments of `create-message`, with the key once it is known.
        shared: whether several hosts write it, with the same key.
        list_id: the thread or conversation in which it was reported to be; empty until then.
        id: the id that was reported; empty until then.
        written_at: when it was first reported to be written, in seconds of the clock.
        denied: whether every call so far has said that it wrote nothing.
        erased: whether it was erased.
        erased_at: when that was reported.
    """

    word: str
    arguments: JSON
    shared: bool = False
    list_id: str = ""
    id: str = ""
    written_at: float = float("inf")
    denied: bool = True
    erased: Literal["no", "maybe", "yes"] = "no"
    erased_at: float = float("inf")

    @property
    def text(self) -> str:
        """The text of the message."""
        return str(self.arguments["content"])

    def stands(self, since: float) -> bool:
        """Whether it was reported by this time, and nobody has tried to erase it."""
        return self.written_at <= since and self.erased == "no" and self.id != ""


@dataclass(slots=True, eq=False)
class Ledger:
    """All letters, and all that agents were shown.

    Attributes:
        note: adds a line to the log.
        seen: what the senders of writes know about each, by idempotency key.
        letters: the letters.
        violations: the promises that were broken.
        shown: what agents were shown: the list, and the ids in order.
    """

    note: Callable[[str], None]
    seen: dict[str, list[Seen]]
    letters: list[Letter] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    shown: list[tuple[str, list[str]]] = field(default_factory=list)

    def broken(self, promise: str) -> None:
        """Record that a promise was broken."""
        self.note(f"BROKEN: {promise}")
        self.violations.append(promise)

    def reported(self, letter: Letter, outcome: Outcome) -> None:
        """Take down what a call of `create-message` reported."""
        if outcome.ending == "done":
            self._acknowledged(letter, outcome)
            return
        letter.denied &= "nothing was written" in outcome.retry or "wrote nothing" in outcome.retry
        named = dict(_NAMED.findall(outcome.text))
        letter.arguments |= named
        if outcome.ending == "outcome_unknown":
            seen = self.seen.get(named.get("idempotency_key", ""), [])
            # A call that timed out before it sent anything may not know that.
            if seen and "unknown" not in seen:
                self.broken(f"{letter.word}: outcome_unknown, although its requests were {seen}")

    def _acknowledged(self, letter: Letter, outcome: Outcome) -> None:
        list_id = outcome.structured["thread_id"]
        message_id = outcome.structured.get("message", {}).get("id", "")
        letter.arguments["idempotency_key"] = outcome.structured["idempotency_key"]
        if letter.list_id not in {"", list_id}:
            self.broken(f"{letter.word}: a repeated call answered {list_id}, not {letter.list_id}")
        if message_id and letter.id not in {"", message_id}:
            self.broken(f"{letter.word}: a repeated call answered {message_id}, not {letter.id}")
        letter.list_id, letter.id = list_id, letter.id or message_id
        letter.written_at = min(letter.written_at, outcome.ended_at)
        letter.denied = False

    def standing_in(self, list_id: str, since: float) -> list[Letter]:
        """Return the letters of a list that must be there at a time and after it."""
        return [each for each in self.letters if each.list_id == list_id and each.stands(since)]

    def check_walk(
        self, list_id: str, reading: Reading, since: float, before: Iterable[Letter]
    ) -> None:
        """Check that a walk that ended read each message once and whole.

        Args:
            list_id: the list.
            reading: what was read.
            since: when the walk began.
            before: the letters that had to be there before.
        """
        self.shown.append((list_id, list(reading.texts)))
        if reading.repeated:
            self.broken(f"a walk of {list_id} returned {reading.repeated} again")
        for letter in before:
            if letter.erased == "no" and reading.texts.get(letter.id) != letter.text:
                how = "altered" if letter.id in reading.texts else "left out"
                self.broken(f"a walk of {list_id} {how} {letter.word}")
        for letter in self.letters:
            if letter.erased_at < since and letter.id in reading.texts:
                self.broken(f"a walk of {list_id} returned {letter.word}, which was erased")

    def check_end(self, kept: dict[str, list[Kept]]) -> None:
        """Compare what was reported with what the store has in the end."""
        for letter in self.letters:
            self._check_letter(letter, kept)
        texts = {letter.text for letter in self.letters}
        for list_id, messages in kept.items():
            for each in messages:
                if each.text not in texts:
                    self.broken(f"{list_id} has {each.id}, which nobody wrote")
        erased = {letter.id for letter in self.letters if letter.erased != "no"}
        for list_id, ids in self.shown:
            order = [each.id for each in kept.get(list_id, [])]
            if invented := set(ids) - set(order) - erased:
                self.broken(f"agents were shown {sorted(invented)} in {list_id}, not there now")
            places = [order.index(each) for each in ids if each in order]
            if places not in {True: [sorted(places), sorted(places, reverse=True)]}[True]:
                self.broken(f"a walk of {list_id} returned another order: {places}")

    def _check_letter(self, letter: Letter, kept: dict[str, list[Kept]]) -> None:
        found = [
            (list_id, each)
            for list_id, messages in kept.items()
            for each in messages
            if letter.word in each.text
        ]
        places = [(list_id, each.id) for list_id, each in found]
        if len(found) > 1:
            self.broken(f"{letter.word} was written {len(found)} times: {places}")
        if any(each.text != letter.text for _, each in found):
            self.broken(f"{letter.word} was altered")
        if found and letter.erased == "yes":
            self.broken(f"{letter.word} was erased, and is there")
        if found and letter.denied and not letter.shared:
            self.broken(f"{letter.word} was reported as not written, and is there")
        is_there = any(
            list_id == letter.list_id and letter.id in {"", each.id} for list_id, each in found
        )
        if letter.list_id and letter.erased == "no" and not is_there:
            self.broken(f"{letter.word} was acknowledged in {letter.list_id}, and is {places}")
