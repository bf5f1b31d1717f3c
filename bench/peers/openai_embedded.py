"""OpenAI's own client with the store in its process: `openai_embedded.py DATABASE_URL`.

Takes a JSON list of thread ids a line, and answers with `{"seconds", "messages"}` a line.
"""

import asyncio
import json
import sys
import time
import warnings

import httpx2
from openai import AsyncOpenAI

from backscroll.store.app import open_store
from backscroll_tools.client.profiles import EMBEDDED

PAGE = 100
"""The most that the API gives at once."""


async def main(database: str) -> None:
    """Walk the threads of each line until there are no more lines."""
    warnings.simplefilter("ignore", DeprecationWarning)
    async with open_store(database) as store:
        http = httpx2.AsyncClient(transport=httpx2.ASGITransport(store.app))
        client = AsyncOpenAI(base_url=EMBEDDED.base_url, api_key="none", http_client=http)
        listed = client.beta.threads.messages.list  # type: ignore[deprecated]  # the only client that there is
        for line in sys.stdin:
            begun = time.perf_counter()
            messages = 0
            for thread_id in json.loads(line):
                async for _ in listed(thread_id, limit=PAGE):
                    messages += 1
            answer = {"seconds": time.perf_counter() - begun, "messages": messages}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
