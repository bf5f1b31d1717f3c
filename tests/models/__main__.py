"""Serves one dialect on a free port of loopback, until its end of stdin is closed.

The first line on stdout is the address. Argument: the name of a dialect.
"""

import asyncio
import sys

from tests.loopback import served
from tests.models.app import ModelApp
from tests.models.dialects import BY_NAME


async def _serve(name: str) -> None:
    async with served(ModelApp(BY_NAME[name]).app()) as origin:
        sys.stdout.write(f"{origin}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
