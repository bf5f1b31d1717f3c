"""What a response continues, and how it is recorded."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct, field
from sqlalchemy import Connection

from backscroll.store.archive.responses import PreparedResponse
from backscroll.store.envelopes import JSON

COLUMNS: Final = frozenset({"id", "object", "created_at", "output", "metadata"})
"""Fields of a response that are not in `ImportedResponse.fields`."""

_NOT_ECHOED: Final = frozenset({"input", "stream", "stream_options", "include", "metadata"})
"""Parameters of a request that are not fields of the response."""


def echoed(body: JSON) -> JSON:
    """Return the parameters of a request that are fields of the response too."""
    return {name: value for name, value in body.items() if name not in _NOT_ECHOED}


class ResponseContext(Struct, frozen=True, kw_only=True):
    """What a response continues, and how it is recorded.

    Attributes:
        given: the items that the caller sent.
        stored: how many of the first ones are not stored again, because they are the history of
            `continues`.
        continues: the id of a response whose history the caller sent again; None if there is none.
        conversation_id: the id of the conversation to which the items are added; None if there is
            none.
        fields: what the model server was not told of, and so must be set in the response.
        is_whole: whether `given` is all of the history, because the request continues nothing.
        keeps_ids: whether the model server keeps the response too, under its own id.
        begun: the id of the record, if it was begun before the model was asked; None if it was not.
        complete: completes the record that was begun, and returns whether it was still to be
            completed.
    """

    given: Sequence[JSON]
    stored: int = 0
    continues: str | None = None
    conversation_id: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    is_whole: bool = True
    keeps_ids: bool = False
    begun: str | None = None
    complete: Callable[[Connection, PreparedResponse], bool] | None = None
