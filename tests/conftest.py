"""What every test runs under."""

import os
from pathlib import Path

from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

ROOT = Path(__file__).parent.parent

# `BACKSCROLL_TEST_PROFILE=long` searches wider than there is time for in `make test`. No deadline:
# a machine's pauses are no failure of the code.
settings.register_profile(
    "default",
    database=DirectoryBasedExampleDatabase(ROOT / ".cache" / "hypothesis"),
    deadline=None,
    max_examples=100,
)
settings.register_profile("long", settings.get_profile("default"), max_examples=2000)
settings.load_profile(os.environ.get("BACKSCROLL_TEST_PROFILE", "default"))
