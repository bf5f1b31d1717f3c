"""`search-messages`: finds messages by the words of a query, and shows an excerpt of each."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client.groups import (
    CHAT_COMPLETIONS,
    INTERACTIONS,
    READABLE,
    RESPONSES,
    SEARCH,
)
from backscroll_tools.errors import ToolError
from backscroll_tools.id_kinds import refuse_other_kinds
from backscroll_tools.models import JSON
from backscroll_tools.periods import ADVICE
from backscroll_tools.spans import span
from backscroll_tools.tool import Call, Result, Tool

_SEARCHED: Final = ("thread", "conversation", "response", "chat completion")


async def _run(call: Call, arguments: JSON) -> Result:
    # Imported here, because only a search needs the tokenizer and its stop words.
    from backscroll_tools.hits.index_reply import INDEX
    from backscroll_tools.hits.indexed import indexed_page
    from backscroll_tools.hits.scanned import scanned_page
    from backscroll_tools.hits.search import search_of

    refuse_other_kinds("search", "thread_id", arguments.get("thread_id", ""), _SEARCHED)
    search = search_of(SEARCH_MESSAGES.name, arguments, call.bounds.result_chars)
    position = search.start.position
    with span("search", {"backscroll.limit": search.limit}) as recorded:
        result = None
        if SEARCH in call.client.upstream.profile.serves and position[:1] in {"", INDEX}:
            try:
                result = await indexed_page(call, search)
            except ToolError as error:
                # An older version of the store has no search, so read its messages instead.
                if error.code != "upstream_retired" or position:
                    raise
        result = result or await scanned_page(call, search)
        recorded.set_attribute("backscroll.returned", result.structured["page"]["returned"])
        recorded.set_attribute("backscroll.stopped_by", result.structured["page"]["stopped_by"])
    return result


SEARCH_MESSAGES: Final = Tool(
    name="search-messages",
    title="Search messages",
    summary="finds messages by words, a question or an exact phrase, with excerpts, best first",
    description=(
        "Search past conversations: what was said, decided or promised. Finds any of "
        "the words, best first."
    ),
    input_schema=schemas.arguments(
        {
            "query": {"type": "string", "description": 'Words, "exact phrase", -excluded'},
            "thread_id": schemas.STRING,
            "role": {"type": "string", "enum": ["user", "assistant"]},
            "since": {"type": "string", "description": ADVICE},
            "until": schemas.STRING,
            "order": {"type": "string", "enum": ["relevance", "newest", "oldest"]},
            "context": {
                "type": "integer",
                "description": f"0 to {schemas.CONTEXT_MAX} messages around",
            },
            "limit": schemas.limit(schemas.HITS_MAX, schemas.HITS_DEFAULT),
            "cursor": schemas.STRING,
        },
    ),
    output_schema=schemas.result(
        {"page": {"type": "object"}, "hits": {"type": "array"}}, ("page", "hits")
    ),
    run=_run,
    needs=(*READABLE, CHAT_COMPLETIONS, RESPONSES, INTERACTIONS, SEARCH),
    finds="a message",
    keywords="find, recall, quote, agreed",
)
