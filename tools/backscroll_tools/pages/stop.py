"""The reasons why reading a list ends, and the warnings about faults of the upstream."""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools.client.replies import CONTRARY, UNFILTERED, UNNAMED
from backscroll_tools.models import StoppedBy

STUCK: Final = "the upstream sent no new items; later items cannot be reached"
EMPTY: Final = "the upstream sent an empty page but says that more items follow"
REPEATED: Final = "the upstream sent some ids twice, so items may be missing"
IGNORED: Final = "the upstream ignored the given id and sent the list's first items"
ABSENT: Final = "the upstream said that more items follow, but then sent none"
FAILED: Final = "the request for the next items failed; continue with the cursor"
GONE: Final = "the rest of an item was left out, because the item can no longer be found"
NO_INPUT: Final = "the upstream does not serve the input, so only the output is shown"
WARNING_CHARS: Final = len(f"{CONTRARY}; {UNNAMED}; {UNFILTERED}; {GONE}; {REPEATED}; ") + max(
    map(len, (STUCK, EMPTY, FAILED, ABSENT, IGNORED, NO_INPUT))
)
"""The number of characters that a page reserves for all of its warnings together."""


def join_warnings(*warnings: str) -> str:
    """Return warnings as one text. Empty warnings are left out."""
    return "; ".join(filter(None, warnings))


class Stop(Struct, frozen=True):
    """The reason why a `Walk` over a list ended, and whether more items follow.

    Attributes:
        by: the reason.
        has_more: whether more items follow.
        warning: a description of the upstream's faults; empty if it has shown none.
        reachable: whether a cursor can reach the items that follow.
        last: the key that the next page starts after; empty if it is the key of the last item that
            was taken.
        passed: the number of skipped items, such as tool calls in a list of messages.
        ignores_after: whether the upstream ignores `after`. If so, the next page is taken from the
            first 100 items of the list.
    """

    by: StoppedBy
    has_more: bool
    warning: str = ""
    reachable: bool = True
    last: str = ""
    passed: int = 0
    ignores_after: bool = False

    def passing(self, count: int) -> "Stop":
        """Return a copy with `count` more skipped items."""
        return replace(self, passed=self.passed + count) if count else self

    def reading(self, from_start: bool) -> "Stop":  # noqa: FBT001 - the only argument
        """Return a copy with `ignores_after` set if a chunk's `from_start` is True."""
        return replace(self, ignores_after=True) if from_start else self

    def warned(self, warning: str) -> "Stop":
        """Return a copy with one more warning, unless the warnings would exceed `WARNING_CHARS`."""
        if not warning or warning in self.warning:
            return self
        warnings = join_warnings(self.warning, warning)
        return self if len(warnings) > WARNING_CHARS else replace(self, warning=warnings)
