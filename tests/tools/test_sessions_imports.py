"""Sessions without the agent frameworks that they are for."""

import subprocess
import sys
from typing import Final

import pytest

PACKAGES: Final = {
    "agent_framework": ("agent_framework", "agent-framework-core"),
    "chatkit": ("chatkit", "openai-chatkit"),
    "google_adk": ("google.adk", "google-adk"),
    "langchain": ("langchain_core", "langchain-core"),
    "openai_agents": ("agents", "openai-agents"),
    "pydantic_ai": ("pydantic_ai", "pydantic-ai-slim"),
}
"""By module: the framework that it imports, and the package to install."""


@pytest.mark.parametrize("module", PACKAGES)
def test_a_module_without_its_framework_names_the_package(module: str) -> None:
    framework, package = PACKAGES[module]
    program = f"""
import sys
sys.modules[{framework!r}] = None
try:
    import backscroll_tools.sessions.{module}
except ImportError as error:
    print(error)
"""

    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    ).stdout

    assert printed.endswith(
        f". This module needs a package. To install it: pip install -U {package}\n"
    )
