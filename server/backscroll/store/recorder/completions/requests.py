"""`POST /v1/chat/completions`: answered by the model server, and recorded."""

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Send

from backscroll.database.json_text import dump_json
from backscroll.store.bodies import MetadataChange
from backscroll.store.completions import stored_completion
from backscroll.store.recorder.asked import Asked, read_asked
from backscroll.store.recorder.completions.events import completion_events
from backscroll.store.recorder.completions.recording import CompletionRecording
from backscroll.store.recorder.keeping import Keeping
from backscroll.store.recorder.relaying.exchange import Relayed, exchange
from backscroll.store.recorder.relaying.forwarding import Forwarding
from backscroll.store.recorder.replaying import recorded_answer, replay
from backscroll.store.validation import validate


class CompletionRequests(Struct, frozen=True):
    """Forwards requests for chat completions, and records the answers."""

    forwarding: Forwarding
    keeping: Keeping

    async def create(self, request: Request) -> Response:
        """Return a response that passes on what the model server answers."""
        caller_s = self.forwarding.server.caller_s
        return Relayed(lambda send: self._create(request, send), caller_s)

    async def _create(self, request: Request, send: Send) -> None:
        asked = await read_asked(request, self.keeping, stores_by_default=False)
        if asked.is_kept:
            # Its messages can be recorded: `read_asked` takes only what JSON can be made of again.
            validate(MetadataChange, {"metadata": asked.body.get("metadata")})
            await self.keeping.check()
        with self.keeping.claimed(asked.keyed):
            recorded = await recorded_answer(self.keeping, asked, stored_completion)
            if recorded is not None:
                await replay(send, recorded, completion_events(asked, recorded))
                return
            recording = CompletionRecording(asked, self.keeping)
            await exchange(self.forwarding, recording, request, self._content(asked), send)

    def _content(self, asked: Asked) -> bytes:
        """Return the body to send up: without `store: true`, unless the model server keeps state.

        Without `store`, `metadata` is not allowed in OpenAI's API.
        """
        body = asked.body
        if self.forwarding.server.state == "upstream" or body.get("store") is not True:
            return asked.content
        rest = {name: each for name, each in body.items() if name not in {"store", "metadata"}}
        return dump_json(rest).encode(errors="surrogatepass")
