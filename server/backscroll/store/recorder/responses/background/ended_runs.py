"""The responses that ended lately, whose events can still be followed."""

from collections import OrderedDict

from backscroll.store.recorder.responses.background.run import Run
from backscroll.store.recorder.responses.background.run_rows import Key


class EndedRuns:
    """The responses that ended lately, oldest first.

    Args:
        kept_s: for how long each is kept, in seconds.
        max_bytes: how many bytes of events are kept of all.
    """

    def __init__(self, kept_s: float, max_bytes: int) -> None:
        self._kept_s = kept_s
        self._max_bytes = max_bytes
        self._runs: OrderedDict[Key, tuple[Run, float]] = OrderedDict()
        self._bytes = 0

    def add(self, run: Run, now: float) -> None:
        """Add a response that has ended.

        Args:
            run: the response, which gets no more events.
            now: the time on the process's monotonic clock, in seconds.
        """
        self._runs[run.key] = (run, now)
        self._bytes += run.events.size
        self.prune(now)

    def found(self, key: Key, now: float) -> Run | None:
        """Return a response; None if it is not kept."""
        self.prune(now)
        run, _ = self._runs.get(key, (None, 0.0))
        return run

    def forget(self, key: Key) -> None:
        """Drop a response."""
        if (found := self._runs.pop(key, None)) is not None:
            self._bytes -= found[0].events.size

    def prune(self, now: float) -> None:
        """Drop the responses that ended too long ago, or that have too many events."""
        while self._runs:
            key, (_, ended_at) = next(iter(self._runs.items()))
            if now - ended_at <= self._kept_s and self._bytes <= self._max_bytes:
                return
            self.forget(key)
