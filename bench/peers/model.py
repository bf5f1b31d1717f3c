"""A model server that streams tokens at a steady pace, each with the time at which it was sent.

The message of a request has the number of tokens of its answer, and the seconds between two of
them: with 0, they are sent as fast as can be. The first line on stdout is the base URL. It serves
until its stdin ends.
"""

import asyncio
import json
import sys
import time
import uuid

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
BASE = {"object": "chat.completion.chunk", "created": 1, "model": "m"}


def event(answer_id: str, delta: dict[str, str], finish: str | None = None) -> bytes:
    """Return a chunk of an answer, as an event in a chunk of HTTP's."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return framed(json.dumps({"id": answer_id, **BASE, "choices": [choice]}))


def framed(data: str) -> bytes:
    """Return data as an event in a chunk of HTTP's."""
    body = f"data: {data}\n\n".encode()
    return f"{len(body):x}\r\n".encode() + body + b"\r\n"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            if not length:  # a request that is not for an answer
                writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                continue
            body = json.loads(await reader.readexactly(int(length)))
            count, _, pause = body["messages"][0]["content"].partition(" ")
            pause_s = float(pause)
            answer_id = f"chatcmpl-{uuid.uuid4().hex}"
            writer.write(HEAD + event(answer_id, {"role": "assistant", "content": ""}))
            due = time.perf_counter()
            for _ in range(int(count)):
                writer.write(event(answer_id, {"content": f"t{time.perf_counter_ns()} "}))
                await writer.drain()
                due += pause_s
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
            writer.write(event(answer_id, {}, "stop") + framed("[DONE]") + b"0\r\n\r\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the caller hung up
    finally:
        writer.close()


async def main() -> None:
    """Serve until stdin ends."""
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        sys.stdout.write(f"http://127.0.0.1:{port}/v1\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
