"""Facts that only a search finds quickly, each in the middle of a long conversation.

Near each fact are messages with the same words that are not the answer.
"""

import calendar
from collections.abc import Sequence
from itertools import cycle, islice
from typing import Final

from backscroll.store.archive.records import ImportedThread
from bench.evaluation.threads import thread

REFUND: Final = "The refund for the cracked kettle was approved, 64.20 in all."
BROCHURE: Final = "I promise that the brochure will be at the printer's by noon on Thursday."
QUOTE: Final = "My grandmother always said: measure twice, cut once."
BOILER: Final = "The boiler will be repaired on Tuesday between eight and ten."
KESSEL: Final = "Der Heizkessel wird erst am Freitag repariert, das Ersatzteil fehlt noch."
DECIDED: Final = (
    "It is decided: the venue is the old library.",
    "It is decided: the venue is the town hall.",
    "It is decided: the venue is the boathouse.",
)
"""In the order in which it was decided."""
ASKED: Final = "Should the logo be green, or blue like the one of 1998?"
LOGO: Final = "Blue, so that our oldest customers recognize the logo."
OUTAGE: Final = (
    "The outage of the mail server began at four in the morning.",
    "What had happened to it?",
    "A disk was full, and nobody was told.",
    "Who looks at the disks from now on?",
    "Amira does, every Monday.",
)
CODE_PLACE: Final = "It fails with E1042 in app/pay.py:88, but only for c++ clients."

MESSAGES: Final = 60
"""The number of messages in each conversation."""
_AT: Final = 31
"""The position of a fact. The messages at odd positions are an assistant's."""

# Name, date of the first message, place of the first of the texts, and the texts.
_PLACES: Final[tuple[tuple[str, tuple[int, int, int], int, tuple[str, ...]], ...]] = (
    ("june", (2018, 6, 12), _AT, ("The refund for the lamp was refused, we sent a new one.",)),
    ("july", (2018, 7, 17), _AT, (REFUND,)),
    ("august", (2018, 8, 9), _AT, ("The refund for the chair was paid twice by mistake.",)),
    ("brochure", (2018, 5, 20), _AT, (BROCHURE, "And I promise to read the brochure tonight.")),
    ("carpentry", (2018, 6, 2), _AT + 1, (QUOTE,)),
    ("tailor", (2018, 6, 3), _AT, ("Cut it once more, and measure it twice after that.",)),
    ("boiler", (2018, 8, 21), _AT, (BOILER,)),
    ("kessel", (2018, 9, 4), _AT, (KESSEL,)),
    ("first venue", (2018, 5, 2), _AT, DECIDED[:1]),
    ("second venue", (2018, 7, 3), _AT, DECIDED[1:2]),
    ("third venue", (2018, 9, 5), _AT, DECIDED[2:]),
    ("logo", (2018, 8, 1), _AT - 1, (ASKED, LOGO)),
    ("outage", (2018, 7, 28), _AT, OUTAGE),
    ("payments", (2018, 9, 11), _AT, (CODE_PLACE,)),
    (
        "sales",
        (2018, 9, 12),
        _AT,
        ("The app gets pay for 1042 orders, 88 from c clients.",),
    ),
)


def planted(prose: Sequence[str]) -> dict[str, ImportedThread]:
    """Return the conversations with the facts, by name.

    Args:
        prose: the texts of the other messages. They are repeated if there are too few.
    """
    said = cycle(prose)
    threads = {}
    for name, date, at, texts in _PLACES:
        spoken = list(islice(said, MESSAGES))
        spoken[at : at + len(texts)] = texts
        threads[name] = thread(name, spoken, calendar.timegm((*date, 9, 0, 0)))
    return threads
