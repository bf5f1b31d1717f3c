"""The tests that use PostgreSQL, with PgBouncer in front of it: `make soak PARTS=pooler`."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from tests.faults.figures import record
from tests.pgbouncer import PROGRAM, VARIABLE

_TESTS: Final = ("tests/store", "tests/tools", "tests/product")
_MAINTENANCE: Final = "tests/store/test_maintenance.py"
"""The tests of `backscroll maintain`, which needs the server itself and refuses a pooler."""

_OTHER_ENGINES: Final = "not sqlite and not memory"


def main() -> int:
    """Run the tests; return 1 if one fails. Without PgBouncer, record nothing."""
    if PROGRAM is None:
        sys.stdout.write("PgBouncer is not installed\n")
        return 0
    version = subprocess.run([PROGRAM, "--version"], check=True, capture_output=True, text=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        tests = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "--quiet", "--numprocesses", "auto"),
                *("-k", _OTHER_ENGINES, f"--junit-xml={report}", *_TESTS),
                f"--ignore={_MAINTENANCE}",
            ],
            check=False,
            env={**os.environ, VARIABLE: "transaction", "BACKSCROLL_TEST_PROFILE": "default"},
        )
        suite = next(ET.parse(report).getroot().iter("testsuite"))  # noqa: S314 - ours
    counts = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    record(
        "the tests of the store and the tools behind PgBouncer, `pool_mode = transaction`",
        f"{version.stdout.splitlines()[0]}: {counts['tests'] - counts['skipped']:,} tests pass, "
        f"{counts['skipped']} skipped; those of `backscroll maintain`, which refuses a pooler, are "
        "left out",
    )
    return tests.returncode


if __name__ == "__main__":
    sys.exit(main())
