"""However an upstream says that something failed: one code, one sentence, one way out."""

import re

import pytest

from backscroll_tools.client.profiles import THREADS_RETIRED
from tests.upstreams import failing
from tests.upstreams.covering import shows
from tests.upstreams.peculiar import Behaviour
from tests.upstreams.world import THREAD, world

CHECK = "Check the ids. A new object may take a few seconds to appear."
MEND = "Fix the problem described above, then call again."
AGAIN = "Call again in a few seconds."
LOST = "The upstream's reply to the write was lost: the message may have been written."
REPEAT = 'Call create-message again with the same arguments and idempotency_key "once".'
GONE = (
    "upstream_retired",
    "The upstream (compatible) does not serve GET /threads/{id}/messages.",
    f"If threads are missing: {THREADS_RETIRED}",
)
GONE_WRITE = (GONE[0], GONE[1].replace("GET", "POST"), GONE[2])
INVALID = "upstream_invalid"
NOT_JSON = (
    "upstream_invalid",
    "The upstream's reply is not a JSON object.",
    "Ask the operator to check BACKSCROLL_BASE_URL.",
)
LIMITED = ("rate_limited", "The upstream's rate limit was reached.")
QUOTA = (
    "quota_exceeded",
    "The upstream's quota is used up.",
    "Ask the operator to raise the quota of the upstream's account.",
)
UNKNOWN = ("outcome_unknown", LOST, REPEAT)
BUSY = "Wait until the run has ended."

READS: dict[Behaviour, tuple[str, str, str]] = {
    failing.DETAIL: ("not_found", "Thread 'thread_1' not found.", CHECK),
    failing.DETAILS: ("invalid_arguments", "limit: Input should be 1", MEND),
    failing.DEEP_DETAILS: ("invalid_arguments", "items.0: Field required", MEND),
    failing.MESSAGE_ALONE: ("invalid_arguments", "limit should be 1 or more", MEND),
    failing.HTML_502: (
        "upstream_unavailable",
        "The upstream answered with HTTP status 502.",
        AGAIN,
    ),
    failing.HTML_200: NOT_JSON,
    failing.NO_CONTENT: (INVALID, "The upstream answered with HTTP status 204.", NOT_JSON[2]),
    failing.PARTIAL: (INVALID, "The upstream answered with HTTP status 206.", NOT_JSON[2]),
    failing.ACCEPTED: (INVALID, "The upstream answered with HTTP status 202.", NOT_JSON[2]),
    failing.CONTROLS: (
        "not_found",
        r"No \u001b]0;x\u0007\u001b[2J\u007f\u009b1m \u202eevil\u2066 \u200fx y z",
        CHECK,
    ),
    failing.UNKNOWN_400: ("not_found", "Chat completion with id chatcmpl-9 not found", CHECK),
    failing.NOT_FOUND_500: (
        "upstream_unavailable",
        "The upstream answered with HTTP status 500.",
        f"{AGAIN} If this persists, check the ids: some proxies send 500 for a missing object.",
    ),
    failing.GONE_404: GONE,
    failing.GONE_ROUTE: GONE,
    failing.GONE_HTML: GONE,
    failing.GONE_405: GONE,
    failing.GONE_410: GONE,
    failing.MISSING: ("not_found", "No message found with id 'msg_9'.", CHECK),
    failing.NO_BETA: ("invalid_arguments", "You must provide a beta.", MEND),
    failing.MALFORMED: (
        "invalid_arguments",
        "Invalid 'thread_id': 'x'. Expected an ID that begins with 'thread'.",
        MEND,
    ),
    failing.WRONG_KEY: (
        "auth_failed",
        "The upstream refused the key.",
        "Ask the operator to check BACKSCROLL_API_KEY.",
    ),
    failing.KEY_IN_400: (
        "invalid_arguments",
        "The upstream answered with HTTP status 400.",
        MEND,
    ),
    failing.FORBIDDEN: (
        "forbidden",
        "The upstream denied access.",
        "Ask the operator for access to this upstream.",
    ),
    failing.RATE: (*LIMITED, "Wait 7 s, then call again."),
    failing.RATE_BARE: (*LIMITED, "Wait, then call again."),
    failing.RATE_NEGATIVE: (*LIMITED, "Wait, then call again."),
    failing.RATE_ZERO: (*LIMITED, "Wait, then call again."),
    failing.RATE_MS: (*LIMITED, "Wait 2 s, then call again."),
    failing.RATE_DATE: (*LIMITED, "Wait, then call again."),
    failing.RATE_REWRITTEN: (*LIMITED, "Wait, then call again."),
    failing.QUOTA: QUOTA,
    failing.CREDIT: QUOTA,
    failing.OVERLOADED: (
        "upstream_unavailable",
        "The upstream answered with HTTP status 503.",
        AGAIN,
    ),
}
WRITES: dict[Behaviour, tuple[str, str, str]] = {
    **READS,
    failing.HTML_502: UNKNOWN,
    failing.HTML_200: UNKNOWN,
    failing.NO_CONTENT: UNKNOWN,
    failing.PARTIAL: UNKNOWN,
    failing.ACCEPTED: UNKNOWN,
    failing.NOT_FOUND_500: UNKNOWN,
    failing.TOO_MANY_PAIRS: ("invalid_arguments", "Too many properties in 'metadata'.", MEND),
    failing.UNKNOWN_FIELD: ("invalid_arguments", "Unknown parameter: 'file_ids'.", MEND),
    failing.BUSY: (
        "thread_busy",
        "Can't add messages to thread_1 while a run run_1 is active.",
        BUSY,
    ),
    failing.LOCKED: ("thread_busy", "Another process is writing.", BUSY),
    failing.OVERLOADED: UNKNOWN,
}
PASS = re.compile(r' When you repeat the call, pass idempotency_key "once"\.$')
"""What is told of a write that may be made again."""


@shows(*READS)
@pytest.mark.parametrize("behaviour", READS, ids=str)
async def test_a_read_that_fails_says_what_it_means_after_one_request(
    behaviour: Behaviour,
) -> None:
    async with world(behaviour.answer) as upstream:
        error = await upstream.error("list-messages", thread_id=THREAD)

    assert (error.code, error.message, error.next_step) == READS[behaviour]
    assert len(upstream.asked) == 1


@shows(*WRITES)
@pytest.mark.parametrize("behaviour", WRITES, ids=str)
async def test_a_write_that_fails_says_whether_it_may_have_been_written(
    behaviour: Behaviour,
) -> None:
    async with world(behaviour.answer, {"idempotency_keys": True}) as upstream:
        error = await upstream.error(
            "create-message", thread_id=THREAD, role="user", content="hi", idempotency_key="once"
        )

    expected = GONE_WRITE if WRITES[behaviour] is GONE else WRITES[behaviour]
    assert (error.code, error.message, PASS.sub("", error.next_step)) == expected
    # What a key settles is worth one more attempt, even when no retry is left.
    assert len(upstream.asked) == (2 if WRITES[behaviour] is UNKNOWN else 1)


@pytest.mark.parametrize("settings", [{"upstream": "openai"}, {"serves": ("conversations",)}])
async def test_an_upstream_without_threads_is_not_even_asked(settings: dict[str, object]) -> None:
    async with world(failing.GONE_404.answer, settings) as upstream:
        error = await upstream.error("list-messages", thread_id=THREAD)

    assert error.code == "upstream_retired"
    assert THREADS_RETIRED in error.next_step
    assert upstream.asked == []
