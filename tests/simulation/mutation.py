"""Change the code in every way that mutmut knows, and count which changes no test notices.

    pip install mutmut                                   # for this alone: it is no pinned tool
    python -m tests.simulation.mutation                  # everything below, half an hour
    python -m tests.simulation.mutation 'backscroll_tools.pages.*'

mutmut names modules by their path, so the sources are laid out under `.cache/mutation` as they
are imported. A second run goes on where the first was interrupted.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
STAGE: Final = ROOT / ".cache" / "mutation"

MUTATED: Final = (
    "backscroll_tools/client/client.py",
    "backscroll_tools/client/failures.py",
    "backscroll_tools/client/retry.py",
    "backscroll_tools/messages/keys.py",
    "backscroll_tools/messages/once.py",
    "backscroll_tools/messages/search.py",
    "backscroll_tools/pages/*.py",
    "backscroll/store/idempotency.py",
    "backscroll/store/messages.py",
    "backscroll/store/paging.py",
    "backscroll/store/workers.py",
)
TESTS: Final = (
    "tests/tools",
    "tests/store",
    "tests/upstreams",
    "tests/simulation/test_repeats.py",
    "tests/simulation/test_retry_rules.py",
    "tests/simulation/test_simulation.py::test_no_schedule_of_faults_breaks_a_promise[0]",
)
CHILDREN: Final = os.environ.get("BACKSCROLL_TEST_CHILDREN", str(os.cpu_count() or 1))
"""How many changes are tried at once."""

HANGS_S: Final = 15
"""After how many seconds a test that a change has made wait for ever is given up."""

LEFT_OUT: Final = ("tests/tools/test_registry.py::test_the_tool_list_costs_few_tokens",)
"""It asks Node.js, which is not there."""


def main() -> int:
    """Print the share of the changes that were noticed and name the others; 1 below 90 %."""
    if importlib.util.find_spec("mutmut") is None:
        sys.stderr.write("mutmut is not installed: pip install mutmut\n")
        return 2
    _lay_out()
    mutmut = (sys.executable, "-m", "mutmut")
    environ = {**os.environ, "BACKSCROLL_TEST_PROFILE": "mutation", "PYTHONPATH": ""}
    command = (*mutmut, "run", "--max-children", CHILDREN, *sys.argv[1:])
    with (STAGE / "mutmut.log").open("w") as log:
        shown = None if sys.stdout.isatty() else log
        subprocess.run(command, cwd=STAGE, env=environ, check=False, stdout=shown)
    subprocess.run((*mutmut, "export-cicd-stats"), cwd=STAGE, check=True)
    counts = json.loads((STAGE / "mutants" / "mutmut-cicd-stats.json").read_text())
    noticed = counts["killed"] + counts["timeout"] + counts["segfault"] + counts["suspicious"]
    tried = noticed + counts["survived"] + counts["no_tests"]
    share = 100 * noticed / tried if tried else 0.0
    found = subprocess.run((*mutmut, "results"), cwd=STAGE, check=True, capture_output=True)
    for line in found.stdout.decode().splitlines():
        if line.endswith((": survived", ": no tests")):
            sys.stdout.write(f"{line.strip()}\n")
    sys.stdout.write(f"{noticed} of {tried} changes noticed: {share:.1f} % ({counts['total']})\n")
    return 0 if share >= 90 else 1


def _lay_out() -> None:
    """Copy the sources to where their import names say, with mutmut's settings beside them."""
    STAGE.mkdir(parents=True, exist_ok=True)
    for source in ("server/backscroll", "tools/backscroll_tools", "tests", "manifests"):
        target = STAGE / Path(source).name
        shutil.rmtree(target, ignore_errors=True)
        ignored = shutil.ignore_patterns("__pycache__", "node")
        shutil.copytree(ROOT / source, target, ignore=ignored)
    config = (ROOT / "pyproject.toml").read_text()
    config = re.sub(r"(?m)^pythonpath = .*$", 'pythonpath = ["."]', config)
    # In a process that is forked for each change, chance and coverage are in the way.
    config = config.replace('"-ra",', '"-ra", "-p", "no:randomly", "-p", "no:cov",')
    config = re.sub(r"(?m)^timeout = .*$", f'timeout = "{HANGS_S}"', config)
    settings = {
        "source_paths": ("backscroll_tools", "backscroll"),
        "only_mutate": MUTATED,
        "also_copy": ("tests", "manifests", "pyproject.toml"),
        "pytest_add_cli_args_test_selection": TESTS,
        "pytest_add_cli_args": [word for test in LEFT_OUT for word in ("--deselect", test)],
        "timeout_multiplier": 5.0,
        "timeout_constant": 15.0,
    }
    lines = (f"{name} = {json.dumps(value)}" for name, value in settings.items())
    table = "\n".join(("[tool.mutmut]", *lines, ""))
    (STAGE / "pyproject.toml").write_text(f"{config}\n{table}")


if __name__ == "__main__":
    sys.exit(main())
