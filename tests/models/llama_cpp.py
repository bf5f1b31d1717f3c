"""Serves a tiny model with llama.cpp's own server, until its end of stdin is closed.

The first line on stdout is the address.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import xllamacpp

from tests.models.gguf import write_model


def serve() -> None:
    """Write a model, and serve it on a free port of loopback."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.gguf"
        write_model(path)
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.port = 0
        params.n_ctx = 4096
        params.n_parallel = 2
        params.warmup = False
        params.cpuparams.n_threads = 1
        server = xllamacpp.Server(params)
        sys.stdout.write(f"{server.listening_address}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    serve()
