"""The responses that a model server keeps."""

from dataclasses import dataclass, field

from tests.models.script import JSON


@dataclass(slots=True)
class Kept:
    """One response, with its input.

    Attributes:
        whole: the response once it is completed.
        input: its input as items, with their ids.
        background: whether it runs in the background.
        asked: how often it was asked for, which is what moves it on.
        cancelled: whether it was cancelled.
    """

    whole: JSON
    input: list[JSON]
    background: bool = False
    asked: int = 0
    cancelled: bool = False

    @property
    def status(self) -> str:
        """Its status: one in the background completes when it is asked for the second time."""
        if self.cancelled:
            return "cancelled"
        if not self.background or self.asked >= 2:
            return str(self.whole["status"])
        return ("queued", "in_progress")[self.asked]

    def now(self) -> JSON:
        """Return the response as it is."""
        if self.status == self.whole["status"]:
            return self.whole
        return {**self.whole, "status": self.status, "output": [], "usage": None}


@dataclass(slots=True)
class Responses:
    """The responses that a server keeps, by their ids."""

    by_id: dict[str, Kept] = field(default_factory=dict)

    def history(self, response_id: str) -> list[JSON]:
        """Return the items of a chain: the input and the output of each response, oldest first."""
        items: list[JSON] = []
        at: str | None = response_id
        while at in self.by_id:
            kept = self.by_id[at]
            items = [*kept.input, *kept.whole["output"], *items]
            at = kept.whole["previous_response_id"]
        return items


def items_of(given: object, response_id: str) -> list[JSON]:
    """Return the input of a response as items with ids."""
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    items = []
    for number, item in enumerate(given if isinstance(given, list) else []):
        content = item.get("content")
        if isinstance(content, str):
            content = [{"type": "input_text", "text": content}]
        body = {"type": "message", **item} | ({} if content is None else {"content": content})
        items.append({"id": f"msg_{response_id.partition('_')[2][:40]}_{number}"} | body)
    return items
