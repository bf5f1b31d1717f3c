"""What the recorder needs to know of a request to record its answer."""

from typing import Protocol

from backscroll.store.api_errors import ApiError
from backscroll.store.recorder.assembling.assembly import Assembled, Assembly
from backscroll.store.recorder.assembling.rewriting import Change


class Recording(Protocol):
    """The answer to one request, which is recorded unless the request says otherwise.

    Attributes:
        is_kept: whether the answer is recorded.
        is_replayable: whether a retry can get the same answer again. If so, the answer is read to
            its end even if the caller disconnects.
    """

    is_kept: bool
    is_replayable: bool

    def assembly(self) -> Assembly:
        """Return what assembles the answer from the bytes of its stream."""

    def read(self, body: bytes) -> Assembled:
        """Return the answer that was sent whole."""

    async def identify(self, given: str | None) -> Change | None:
        """Choose the id that the caller gets, and return what must change in the answer.

        Args:
            given: the model server's id; None if it sent none.
        """

    async def keep(self, assembled: Assembled, *, is_gone: bool = False) -> None:
        """Record the answer, and return when the record is committed.

        Args:
            assembled: the answer, with the model server's id.
            is_gone: whether the caller disconnected before the end.

        Raises:
            NothingWrittenError: nothing was written.
            CommitUnknownError: it is not known whether the record was written.
        """

    def failed(self, outcome: str) -> None:
        """Log that there is no answer, unless `keep` has logged one.

        Args:
            outcome: why, as a code.
        """

    def release(self) -> None:
        """Let the id be used by others again, if it was not recorded. Called at the very end."""

    def ending(self, assembled: Assembled, error: ApiError, sequence_number: int) -> bytes:
        """Return the events that end a stream that failed, as OpenAI's API would end it.

        Args:
            assembled: what was sent of the answer.
            error: why the stream ends.
            sequence_number: the number of the next event.
        """
