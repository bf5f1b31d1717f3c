"""What can be measured, one module a row."""

from typing import Final

from bench.figures import Row
from bench.rows.call import CALL
from bench.rows.page_depth import PAGE_DEPTH
from bench.rows.start import START

ROWS: Final[dict[str, Row]] = {row.name: row for row in (PAGE_DEPTH, START, CALL)}
"""Every row, by its name."""
