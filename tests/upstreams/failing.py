"""Behaviours of upstreams, and of proxies in front of them, that report a failure."""

from typing import Final

from tests.upstreams.peculiar import Answer, Answering, Behaviour, Exchange, answer, refusal
from tests.upstreams.world import KEY

HTML: Final = "<!doctype html><html><body><h1>Bad gateway</h1></body></html>"
RETIRED: Final = "404 for a path that is no more"


def _always(said: Answer) -> Answering:
    async def answering(_: Exchange) -> Answer:
        return said

    return answering


def _fails(name: str, source: str, said: Answer) -> Behaviour:
    return Behaviour(name, source, _always(said))


def _detail(status: int, detail: object) -> Answer:
    return answer({"detail": detail}, status)


def _html(status: int) -> Answer:
    return answer(HTML, status, content_type="text/html")


LIMITED: Final = "Rate limit reached."

DETAIL: Final = _fails(
    '{"detail": "…"}', "FastAPI-built servers", _detail(404, "Thread 'thread_1' not found.")
)
DETAILS: Final = _fails(
    '{"detail": [{…}]}',
    "FastAPI-built servers",
    _detail(422, [{"loc": ["query", "limit"], "msg": "Input should be 1", "type": "int"}]),
)
DEEP_DETAILS: Final = _fails(
    '{"detail": [{…}]} of a body',
    "FastAPI-built servers",
    _detail(422, [{"loc": ["body", "items", 0], "msg": "Field required", "type": "missing"}]),
)
MESSAGE_ALONE: Final = _fails(
    "an error with a message alone",
    "OGX 1.5.0, recorded",
    answer({"error": {"message": "limit should be 1 or more"}}, 400),
)
HTML_502: Final = _fails("HTML with status 502", "proxies", _html(502))
HTML_200: Final = _fails("HTML with status 200", "proxies", _html(200))
NO_CONTENT: Final = _fails("204", "proxies", Answer(204, b""))
PARTIAL: Final = _fails(
    "206 with the beginning of a list",
    "proxies that cache ranges",
    answer({"object": "list", "data": [], "has_more": False}, 206),
)
ACCEPTED: Final = _fails("202", "queues ahead of an API", answer({"id": "msg_1"}, 202))
CONTROLS: Final = _fails(
    "an error whose text moves a terminal's cursor, or turns its direction",
    "any server",
    answer(
        {
            "error": {
                "message": "No \x1b]0;x\x07\x1b[2J\x7f\x9b1m \u202eevil\u2066 \u200fx\u2028y\x85z"
            }
        },
        404,
    ),
)
UNKNOWN_400: Final = _fails(
    '400 "not found" for an unknown id',
    "OGX 1.5.0, chat completions",
    answer({"error": {"message": "Chat completion with id chatcmpl-9 not found"}}, 400),
)
NOT_FOUND_500: Final = _fails(
    "500 text/plain for an unknown id",
    "LiteLLM 1.106.2, recorded",
    answer("Internal Server Error", 500),
)
GONE_404: Final = _fails(
    RETIRED, "OpenAI since 2026-08-26", refusal(404, "Invalid URL (GET /v1/threads/thread_1)")
)
GONE_ROUTE: Final = _fails(
    '404 {"detail": "Not Found"} for a path that is not served',
    "OGX 1.5.0, LiteLLM 1.106.2, recorded",
    _detail(404, "Not Found"),
)
GONE_HTML: Final = _fails("404 without JSON for a path that is not served", "proxies", _html(404))
GONE_405: Final = _fails("405 for a retired endpoint", "lies survived", _detail(405, "No."))
GONE_410: Final = _fails("410 for a retired endpoint", "lies survived", refusal(410, "Gone."))
MISSING: Final = _fails(
    "404 for a message that is not there",
    "OpenAI API",
    refusal(404, "No message found with id 'msg_9'."),
)
NO_BETA: Final = _fails(
    "400 invalid_beta", "OpenAI API", refusal(400, "You must provide a beta.", "invalid_beta")
)
MALFORMED: Final = _fails(
    "400 for a malformed thread id",
    "OpenAI API",
    refusal(400, "Invalid 'thread_id': 'x'. Expected an ID that begins with 'thread'."),
)
TOO_MANY_PAIRS: Final = _fails(
    "400 for metadata over its limits",
    "OpenAI API",
    refusal(400, "Too many properties in 'metadata'.", "object_above_max_properties"),
)
UNKNOWN_FIELD: Final = _fails(
    "400 for file_ids sent to version 2",
    "OpenAI API",
    refusal(400, "Unknown parameter: 'file_ids'.", "unknown_parameter"),
)
BUSY: Final = _fails(
    "400 while a run is active",
    "OpenAI API",
    refusal(400, "Can't add messages to thread_1 while a run run_1 is active."),
)
LOCKED: Final = _fails(
    "400 conversation_locked",
    "OpenAI API",
    refusal(400, "Another process is writing.", "conversation_locked"),
)
WRONG_KEY: Final = _fails(
    "401 that quotes the key", "OpenAI API", refusal(401, f"Incorrect API key provided: {KEY}.")
)
KEY_IN_400: Final = _fails(
    "400 that quotes the key", "LiteLLM", refusal(400, f"Received API key {KEY} is malformed.")
)
FORBIDDEN: Final = _fails(
    "403 by region", "OpenAI API", refusal(403, "Country, region, or territory not supported")
)
RATE: Final = _fails(
    "429 with Retry-After", "OpenAI API", refusal(429, LIMITED, "slow_down", retry_after="7")
)
RATE_BARE: Final = _fails("429 without Retry-After", "OpenAI API", refusal(429, LIMITED))
RATE_NEGATIVE: Final = _fails(
    "429 with Retry-After: -1", "Azure", refusal(429, LIMITED, retry_after="-1")
)
RATE_ZERO: Final = _fails(
    "429 with Retry-After: 0", "Azure", refusal(429, LIMITED, retry_after="0")
)
RATE_MS: Final = _fails(
    "429 with retry-after-ms", "OpenAI API", refusal(429, LIMITED, retry_after_ms="1500")
)
RATE_DATE: Final = _fails(
    "429 with a date as Retry-After",
    "RFC 9110, section 10.2.3",
    refusal(429, LIMITED, retry_after="Sat, 21 Nov 2026 23:39:15 GMT"),
)
RATE_REWRITTEN: Final = _fails(
    '429 whose code is "429"',
    "LiteLLM 1.106.2, recorded",
    refusal(429, "litellm.RateLimitError: RateLimitError", "429"),
)
QUOTA: Final = _fails(
    "429 insufficient_quota", "OpenAI API", refusal(429, "Quota.", "insufficient_quota")
)
CREDIT: Final = _fails(
    "429 credit_balance_exhausted",
    "OpenAI API",
    refusal(429, "Credit.", "credit_balance_exhausted"),
)
OVERLOADED: Final = _fails("503", "OpenAI API", refusal(503, "Overloaded.", "slow_down"))

FAILING: Final = (
    DETAIL,
    DETAILS,
    DEEP_DETAILS,
    MESSAGE_ALONE,
    HTML_502,
    HTML_200,
    NO_CONTENT,
    PARTIAL,
    ACCEPTED,
    CONTROLS,
    UNKNOWN_400,
    NOT_FOUND_500,
    GONE_404,
    GONE_ROUTE,
    GONE_HTML,
    GONE_405,
    GONE_410,
    MISSING,
    NO_BETA,
    MALFORMED,
    TOO_MANY_PAIRS,
    UNKNOWN_FIELD,
    BUSY,
    LOCKED,
    WRONG_KEY,
    KEY_IN_400,
    FORBIDDEN,
    RATE,
    RATE_BARE,
    RATE_NEGATIVE,
    RATE_ZERO,
    RATE_MS,
    RATE_DATE,
    RATE_REWRITTEN,
    QUOTA,
    CREDIT,
    OVERLOADED,
)
