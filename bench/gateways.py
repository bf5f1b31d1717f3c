"""A model server, and what can stand in front of it."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.figures import UnmeasuredError
from tests.ports import free_port

_ROOT: Final = Path(__file__).parents[1]
_PEERS: Final = Path(__file__).parent / "peers"
_LITELLM: Final = _ROOT / ".cache" / "gateways-venv" / "bin" / "litellm"

_START_S: Final = 60.0
"""How many seconds LiteLLM may take to start."""

_NOWHERE: Final = "http://127.0.0.1:9"
_QUIET: Final = {
    "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it is fetched at each start
    "LITELLM_LOG": "ERROR",
    "LITELLM_MODE": "PRODUCTION",
    "HTTP_PROXY": _NOWHERE,
    "HTTPS_PROXY": _NOWHERE,
    "NO_PROXY": "127.0.0.1",
}


@contextmanager
def model() -> Iterator[str]:
    """Serve the model whose tokens have the times at which they were sent; yield its base URL."""
    with _peer("model.py") as url:
        yield url


@contextmanager
def relay(model_url: str) -> Iterator[str]:
    """Serve a relay that does nothing else in front of a model server; yield its base URL."""
    with _peer("relay.py", model_url) as url:
        yield url


@contextmanager
def _peer(script: str, *arguments: str) -> Iterator[str]:
    """Run a script whose first line on stdout is a base URL, and yield that."""
    with subprocess.Popen(
        (sys.executable, str(_PEERS / script), *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


@contextmanager
def litellm(model_url: str) -> Iterator[str]:
    """Serve LiteLLM's proxy in front of a model server, and yield its base URL.

    It has one worker and no database, and writes no log. It gets a home folder of its own, and of
    this process's variables only PATH.

    Raises:
        UnmeasuredError: it is not installed, or does not start.
    """
    if not _LITELLM.exists():
        raise UnmeasuredError("LiteLLM is missing: `make bench` installs it")
    with tempfile.TemporaryDirectory(prefix="backscroll-litellm-") as folder:
        port = free_port()
        config = Path(folder, "config.yaml")  # every JSON document is one of YAML, too
        params = {"model": "openai/m", "api_base": model_url, "api_key": "none"}
        models = [{"model_name": "m", "litellm_params": params}]
        config.write_text(json.dumps({"model_list": models}), encoding="utf-8")
        process = subprocess.Popen(
            (
                *(str(_LITELLM), "--config", str(config), "--telemetry", "False"),
                *("--host", "127.0.0.1", "--port", str(port)),
            ),
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": folder, **_QUIET},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with process:
            try:
                _await_port(process, port)
                yield f"http://127.0.0.1:{port}/v1"
            finally:
                process.kill()


def _await_port(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Wait until a process listens on a port.

    Raises:
        UnmeasuredError: it ends first, or does not listen in time.
    """
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise UnmeasuredError(f"LiteLLM does not listen after {_START_S:g} s")
