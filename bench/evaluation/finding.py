"""The eight search tasks: an agent knows no id, and searches for words that the user names."""

from collections.abc import Callable
from typing import Final

from bench.evaluation.desk import Desk, Find, Item
from bench.evaluation.planted import (
    ASKED,
    BOILER,
    BROCHURE,
    CODE_PLACE,
    DECIDED,
    KESSEL,
    LOGO,
    OUTAGE,
    QUOTE,
    REFUND,
)
from bench.evaluation.task import Scene, Task
from bench.evaluation.world import World


def _id(world: World, name: str) -> str:
    return str(world.planted[name].id)


def _answers(found: tuple[Item, ...], sign: str) -> list[Item]:
    """Return the messages that an agent recognizes as answers."""
    return [item for item in found if sign in item.text]


async def _by_month(desk: Desk, scene: Scene) -> bool:
    find = Find(query="refund", sign="refund for", month="2018-07", limit=3)
    [answer] = _answers(await desk.find(find), find.sign) or [Item("")]
    return (answer.text, answer.thread_id) == (REFUND, _id(scene.world, "july"))


async def _who_promised(desk: Desk, _: Scene) -> bool:
    find = Find(query="promised brochure", sign="brochure", role="assistant", limit=2)
    return [item.text for item in _answers(await desk.find(find), find.sign)] == [BROCHURE]


async def _quote(desk: Desk, scene: Scene) -> bool:
    find = Find(query='"measure twice, cut once"', sign="measure twice, cut once", limit=1)
    [answer] = await desk.find(find) or [Item("")]
    answered = (answer.text, answer.role, answer.thread_id)
    return answered == (QUOTE, "user", _id(scene.world, "carpentry"))


async def _two_languages(desk: Desk, _: Scene) -> bool:
    find = Find(query="boiler Heizkessel", sign="repa", limit=3)
    return {item.text for item in _answers(await desk.find(find), find.sign)} == {BOILER, KESSEL}


async def _before_last(desk: Desk, _: Scene) -> bool:
    # With the newest first, any word is enough for a hit: so only the rare word is searched for.
    find = Find(query="venue", sign="decided: the venue", newest_first=True, limit=3)
    decided = [item.text for item in _answers(await desk.find(find), find.sign)]
    return decided[1:2] == [DECIDED[1]]


async def _led_to(desk: Desk, _: Scene) -> bool:
    find = Find(query="blue logo", sign="Blue, so that", context=1, limit=1)
    said = [item.text for item in await desk.find(find)]
    return LOGO in said and said[max(said.index(LOGO) - 1, 0)] == ASKED


async def _surroundings(desk: Desk, _: Scene) -> bool:
    find = Find(query="mail server outage", sign="outage of the mail", limit=1)
    [found] = _answers(await desk.find(find), find.sign) or [Item("")]
    said = [item.text for item in await desk.around(found, 2 * len(OUTAGE) - 1)]
    return said[len(OUTAGE) - 1 :] == list(OUTAGE)


async def _code(desk: Desk, scene: Scene) -> bool:
    find = Find(query="app/pay.py:88", sign="app/pay.py:88", limit=1)
    [answer] = await desk.find(find) or [Item("")]
    answered = (answer.text, answer.thread_id)
    return answered == (CODE_PLACE, _id(scene.world, "payments"))


def _threads(*names: str) -> Callable[[World], tuple[str, ...]]:
    return lambda world: tuple(f"threads/{_id(world, name)}/messages" for name in names)


FINDING: Final = (
    Task(
        "by topic and month",
        "What did they say about refunds in July 2018?",
        1,
        _by_month,
        _threads("july"),
    ),
    Task(
        "who promised what",
        "What did you promise about the brochure?",
        1,
        _who_promised,
        _threads("brochure"),
    ),
    Task("a quote", "Who said: measure twice, cut once?", 1, _quote, _threads("carpentry")),
    Task(
        "two languages",
        "When is the boiler (der Heizkessel) repaired?",
        1,
        _two_languages,
        _threads("boiler", "kessel"),
    ),
    Task(
        "the decision before last",
        "Which venue had we decided on before the last one?",
        1,
        _before_last,
        _threads("first venue", "second venue", "third venue"),
    ),
    Task(
        "what led to it",
        "What was asked before we chose a blue logo?",
        1,
        _led_to,
        _threads("logo"),
    ),
    Task(
        "how it went on",
        "What followed on the mail server's outage?",
        2,
        _surroundings,
        _threads("outage"),
    ),
    Task("a place in code", "Where did app/pay.py:88 come up?", 1, _code, _threads("payments")),
)
"""Each task needs one call, except the one about what followed: it reads the messages around a
hit."""
