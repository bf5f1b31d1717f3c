"""Lets Python search for reference cycles rarely, in commands that create almost none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_NEW_OBJECTS: Final = 50_000
"""How many new objects a search for reference cycles follows."""


@contextmanager
def rare_collections() -> Iterator[None]:
    """Let Python search for reference cycles rarely while the `with` block runs.

    Each search examines the objects that were created since the last one, and sometimes all objects
    of the process. By default, a search follows every 700 new objects. An import or a sync creates
    many objects, and almost no cycles.
    """
    before = gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
