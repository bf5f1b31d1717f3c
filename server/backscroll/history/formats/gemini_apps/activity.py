"""One activity of Google's My Activity, from a JSON or an HTML file."""

from collections.abc import Sequence

from msgspec import Struct


class Activity(Struct, frozen=True):
    """One entry of My Activity: something that the user did in a product of Google.

    Attributes:
        product: the product, such as `Gemini Apps`.
        lines: what the user did, such as `Prompted Oolong?`, and the lines after it.
        answer: the text of the answer; empty if the activity has no answer.
        at: in Unix seconds; None if the time is unknown.
        time: the time as it is written; empty if the activity has no time.
    """

    product: str
    lines: Sequence[str]
    answer: str
    at: int | None
    time: str
