"""What can be measured, one module a row."""

from typing import Final

from bench.figures import Row
from bench.rows.both_ends import BOTH_ENDS
from bench.rows.call import CALL
from bench.rows.creates import CREATES
from bench.rows.first_page import FIRST_PAGE
from bench.rows.growth import GROWTH, GROWTH_POSTGRES
from bench.rows.imports import IMPORT
from bench.rows.memory import MEMORY
from bench.rows.page_depth import PAGE_DEPTH
from bench.rows.rate import RATE
from bench.rows.recorder import RECORDER
from bench.rows.search import SEARCH
from bench.rows.start import START
from bench.rows.sync import SYNC
from bench.rows.tokens import TOKENS
from bench.rows.walk import WALK

ROWS: Final[dict[str, Row]] = {
    row.name: row
    for row in (
        START,
        FIRST_PAGE,
        CALL,
        RATE,
        WALK,
        TOKENS,
        MEMORY,
        PAGE_DEPTH,
        BOTH_ENDS,
        GROWTH,
        GROWTH_POSTGRES,
        CREATES,
        IMPORT,
        SEARCH,
        SYNC,
        RECORDER,
    )
}
"""Every row, by its name."""
