"""OpenAI's own client, listing whole threads: `openai_client.py BASE_URL`.

Takes a JSON list of thread ids a line, and answers with `{"seconds", "messages"}` a line.
"""

import json
import sys
import time
import warnings

from openai import OpenAI

PAGE = 100
"""The most that the API gives at once."""


def main(base_url: str) -> None:
    """Walk the threads of each line until there are no more lines."""
    warnings.simplefilter("ignore", DeprecationWarning)
    listed = OpenAI(base_url=base_url, api_key="none").beta.threads.messages.list  # type: ignore[deprecated]  # the only client that there is
    for line in sys.stdin:
        begun = time.perf_counter()
        messages = sum(1 for thread_id in json.loads(line) for _ in listed(thread_id, limit=PAGE))
        answer = {"seconds": time.perf_counter() - begun, "messages": messages}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
