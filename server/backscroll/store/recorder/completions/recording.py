"""Records the answer to a request for a chat completion."""

from typing import Final

from sqlalchemy import Connection

from backscroll.database.faults import StoreError
from backscroll.database.json_text import dump_json
from backscroll.database.schema import completions
from backscroll.store.api_errors import ApiError
from backscroll.store.archive.completions import write_completion
from backscroll.store.archive.records import ImportedCompletion
from backscroll.store.envelopes import JSON, error_envelope
from backscroll.store.ids import new_completion_id
from backscroll.store.recorder.asked import Asked
from backscroll.store.recorder.assembling.assembly import Assembled, Assembly
from backscroll.store.recorder.assembling.completion_stream import completion_stream
from backscroll.store.recorder.assembling.rewriting import Change, completion_change
from backscroll.store.recorder.assembling.whole import read_completion
from backscroll.store.recorder.keeping import Keeping

_COLUMNS: Final = frozenset({"id", "object", "created", "model", "choices", "metadata", "error"})
"""Fields of a completion that are not in `ImportedCompletion.fields`."""

_ASKED: Final = {
    **{
        name: name
        for name in (
            *("frequency_penalty", "presence_penalty", "response_format", "seed"),
            *("temperature", "tool_choice", "tools", "top_p"),
        )
    },
    "user": "input_user",
}
"""Parameters that OpenAI's API keeps with a stored completion, and their names there."""


class CompletionRecording:
    """The answer to one request for a chat completion, as `Recording` describes it.

    Args:
        asked: the request.
        keeping: writes the record.
    """

    def __init__(self, asked: Asked, keeping: Keeping) -> None:
        self.is_kept = asked.is_kept
        self.is_replayable = asked.keyed is not None
        self._asked = asked
        self._keeping = keeping
        self._id: str | None = None
        self._answering = keeping.log.begin("completions")

    def assembly(self) -> Assembly:
        """Return what assembles the completion from its chunks."""
        return completion_stream(self._asked.choices)

    def read(self, body: bytes) -> Assembled:
        """Return the completion in a body."""
        return read_completion(body)

    async def identify(self, given: str | None) -> Change | None:
        """Choose the completion's id."""
        if not self._asked.is_kept:
            return None
        self._id = await self._keeping.promise(
            completions, self._asked.partition, given, "", new_completion_id
        )
        return None if self._id == given else completion_change(self._id)

    async def keep(self, assembled: Assembled, *, is_gone: bool = False) -> None:
        """Record the completion, if the caller got any of it."""
        kept: str | None = None
        if self._id is not None and assembled.object.get("choices"):
            kept = await self._write(self._id, assembled, is_gone=is_gone)
        self._answering.ended(assembled, kept, is_gone=is_gone)

    def failed(self, outcome: str) -> None:
        """Log that there is no answer."""
        self._answering.failed(outcome)

    async def _write(
        self, completion_id: str, assembled: Assembled, *, is_gone: bool
    ) -> str | None:
        """Return the id; None if the record could not be written, and need not be."""
        completion = self._completion(completion_id, assembled, is_gone=is_gone)
        partition = self._asked.partition

        def work(connection: Connection) -> None:
            outcome = write_completion(connection, partition, completion)
            if outcome.kind != "imported":
                message = "cannot be recorded: another process has recorded its id"
                raise StoreError(message)

        keyed = self._asked.keyed if assembled.complete and not is_gone else None
        with self._keeping.writing():
            await self._keeping.write(work, keyed, completion_id)
            return completion_id
        return None

    def release(self) -> None:
        """Let the id be used by others again, if it was not recorded."""
        if self._id is not None:
            self._keeping.release(completions, self._asked.partition, self._id)

    def ending(self, assembled: Assembled, error: ApiError, sequence_number: int) -> bytes:  # noqa: ARG002 - as in `Recording`
        """Return a chunk with the error, as OpenAI's API sends it within a stream."""
        return f"data: {dump_json(error_envelope(error))}\n\n".encode()

    def _completion(
        self, completion_id: str, assembled: Assembled, *, is_gone: bool
    ) -> ImportedCompletion:
        found, body = assembled.object, self._asked.body
        fields: JSON = {theirs: body[name] for name, theirs in _ASKED.items() if name in body}
        fields |= {name: value for name, value in found.items() if name not in _COLUMNS}
        if is_gone or not assembled.complete:
            reason = "caller_disconnected" if is_gone else assembled.reason
            fields["incomplete_details"] = {"reason": reason}
        model = found.get("model") or body.get("model")
        return ImportedCompletion(
            key=None,
            id=completion_id,
            created_at=self._keeping.created_at(found.get("created")),
            model=model if isinstance(model, str) else "",
            choices=[_choice(each) for each in found["choices"] if isinstance(each, dict)],
            messages=input_messages(body),
            metadata=body.get("metadata") or {},
            fields=fields,
        )


def _choice(choice: JSON) -> JSON:
    """Return a choice, without its message if that is not an object."""
    is_kept = isinstance(choice.get("message"), dict)
    return choice if is_kept else {name: choice[name] for name in choice if name != "message"}


def input_messages(body: JSON) -> list[JSON]:
    """Return the messages of a request for a chat completion."""
    messages = body.get("messages")
    return (
        [each for each in messages if isinstance(each, dict)] if isinstance(messages, list) else []
    )
