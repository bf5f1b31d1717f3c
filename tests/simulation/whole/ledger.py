"""What agents wrote, what they were told of it, and whether that was true."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from backscroll_tools.models import JSON
from tests.simulation.actors import Reading
from tests.simulation.whole.hosts import Outcome
from tests.simulation.whole.network import Seen

MARK: Final = {"mark": "set"}
"""The metadata that agents give messages."""

State: TypeAlias = Literal["no", "maybe", "yes"]


@dataclass(frozen=True, slots=True)
class Kept:
    """A message that the store has in the end."""

    id: str
    role: str
    text: str
    metadata: dict[str, str]


@dataclass(slots=True, eq=False)
class Copy:
    """A copy of a thread or conversation.

    Attributes:
        source: the id of what is copied.
        list_id: the id of the copy; empty until it is reported.
        is_whole: whether it was reported that all is copied.
        began_at: when it was begun.
    """

    source: str
    list_id: str = ""
    is_whole: bool = False
    began_at: float = float("inf")


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
        marked: whether it was given the metadata `MARK`.
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
    marked: State = "no"
    erased: State = "no"
    erased_at: float = float("inf")

    @property
    def text(self) -> str:
        """The text of the message."""
        return str(self.arguments["content"])

    def must_be_there(self, since: float) -> bool:
        """Whether it was reported by this time, and nobody has tried to erase it."""
        return self.written_at <= since and self.erased == "no"

    @property
    def home(self) -> str:
        """The id of the thread or conversation that it is in; empty if that is not known."""
        return self.list_id or str(self.arguments.get("thread_id", ""))


@dataclass(slots=True, eq=False)
class Ledger:
    """All letters, and all that agents were shown.

    Attributes:
        note: adds a line to the log.
        seen: what the senders of writes know about each, by idempotency key.
        letters: the letters.
        copies: the copies that were begun.
        violations: the promises that were broken.
        shown: what agents were shown: the list, and the ids in order.
    """

    note: Callable[[str], None]
    seen: dict[str, list[Seen]]
    letters: list[Letter] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
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
        named = outcome.named
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

    def required_in(self, list_id: str, since: float) -> list[Letter]:
        """Return the letters of a list that must be there at a time and after it."""
        letters = (each for each in self.letters if each.list_id == list_id)
        return [each for each in letters if each.must_be_there(since)]

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
            texts = [reading.texts.get(letter.id)] if letter.id else reading.texts.values()
            if letter.erased == "no" and letter.text not in texts:
                how = "altered" if letter.id in reading.texts else "left out"
                self.broken(f"a walk of {list_id} {how} {letter.word}")
        for letter in self.letters:
            if letter.erased_at < since and letter.id in reading.texts:
                self.broken(f"a walk of {list_id} returned {letter.word}, which was erased")

    def check_end(self, kept: dict[str, list[Kept]]) -> None:
        """Compare what was reported with what the store has in the end."""
        copies = self._copies_in(kept)
        for letter in self.letters:
            self._check_letter(letter, {each: kept[each] for each in kept.keys() - copies.keys()})
        for list_id, source in copies.items():
            self._check_copy(list_id, source, kept)
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
            if places not in (sorted(places), sorted(places, reverse=True)):
                self.broken(f"a walk of {list_id} returned another order: {places}")

    def _copies_in(self, kept: dict[str, list[Kept]]) -> dict[str, str]:
        """Return the copies that are there, each with its source: letters that have other homes."""
        homes = {letter.text: letter.home for letter in self.letters}
        copies = {}
        for list_id in kept.keys() - set(homes.values()):
            sources = {homes.get(each.text, "") for each in kept[list_id]} - {""}
            if sources:
                copies[list_id] = min(sources)
        begun = Counter(each.source for each in self.copies)
        for source, count in Counter(copies.values()).items():
            if count > begun[source]:
                self.broken(f"{source} was copied {count} times, not {begun[source]} times")
        return copies

    def _check_copy(self, list_id: str, source: str, kept: dict[str, list[Kept]]) -> None:
        texts = [each.text for each in kept[list_id]]
        order = [each.text for each in kept.get(source, []) if each.text in texts]
        if len(texts) != len(set(texts)):
            self.broken(f"{list_id} has messages of {source} twice")
        if [text for text in texts if text in order] != order:
            self.broken(f"{list_id} has the messages of {source} in another order")
        for copied in self.copies:
            if copied.list_id != list_id or not copied.is_whole:
                continue
            for letter in self.required_in(source, copied.began_at):
                if letter.text not in texts:
                    self.broken(f"{list_id} is a whole copy of {source} without {letter.word}")

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
        marks: list[State] = ["yes" if each.metadata == MARK else "no" for _, each in found]
        if letter.marked != "maybe" and any(mark != letter.marked for mark in marks):
            self.broken(f"{letter.word} has other metadata than was reported")
        if found and letter.erased == "yes":
            self.broken(f"{letter.word} was erased, and is there")
        if found and letter.denied and not letter.shared:
            self.broken(f"{letter.word} was reported as not written, and is there")
        is_there = any(
            list_id == letter.list_id and letter.id in {"", each.id} for list_id, each in found
        )
        if letter.list_id and letter.erased == "no" and not is_there:
            self.broken(f"{letter.word} was acknowledged in {letter.list_id}, and is {places}")
