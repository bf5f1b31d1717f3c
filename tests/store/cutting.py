"""A TCP proxy in front of PostgreSQL that cuts a connection during a statement."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Side: TypeAlias = Literal["before", "after", "answered", "ended"]

_ENDED = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
"""The fields of PostgreSQL's last message to a client whose session it ends."""

_CHUNK = 64 * 1024


@dataclass
class Cutter:
    """The next cut.

    Attributes:
        port: the port of the proxy.
        word: cuts the connection whose client sends these bytes, once; empty to cut nothing.
        following: cuts only a connection that has sent these bytes before; empty for any.
        side: `before` the server has the statement; `after` it has replied, so that the client
            never sees the reply; once the client has been `answered`; or once it has also been
            told that the server has `ended` the session, and has noticed.
        refuses: whether new connections are cut at once.
    """

    port: int = 0
    word: bytes = b""
    following: bytes = b""
    side: Side = "before"
    refuses: bool = False
    cuts: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def cut(self, word: bytes, side: Side, following: bytes = b"") -> None:
        """Cut the next connection that sends `word`, if it has sent `following` before."""
        self.word, self.side, self.following = word, side, following

    async def serve(
        self, server_port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass one connection on until either side ends it, or it is cut."""
        if self.refuses:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", server_port)
        answers = asyncio.create_task(self._answers(there, writer))
        follows = False
        try:
            while chunk := await reader.read(_CHUNK):
                follows = bool(self.word) and (follows or self.following in chunk)
                if self.word and self.word in chunk and follows:
                    self.word, self.cuts = b"", self.cuts + 1
                    answers.cancel()
                    if self.side != "before":
                        await asyncio.gather(answers, return_exceptions=True)
                        back.write(chunk)
                        answer = await there.read(_CHUNK)
                        if self.side in {"answered", "ended"}:
                            writer.write(answer)
                        if self.side == "ended":
                            writer.write(b"E" + (4 + len(_ENDED)).to_bytes(4) + _ENDED)
                            await reader.read()
                    return
                back.write(chunk)
        except OSError:
            return
        finally:
            answers.cancel()
            writer.transport.abort()
            back.transport.abort()
            await asyncio.gather(answers, return_exceptions=True)

    @staticmethod
    async def _answers(there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await there.read(_CHUNK):
            writer.write(chunk)
        writer.transport.abort()


@asynccontextmanager
async def cutting(server_port: int) -> AsyncIterator[Cutter]:
    """Run a proxy in front of the server on a port of this machine."""
    cutter = Cutter()
    running: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(cutter.serve(server_port, reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    cutter.port = server.sockets[0].getsockname()[1]
    try:
        yield cutter
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for _ in range(3):
            await asyncio.sleep(0)  # lets aborted connections close
