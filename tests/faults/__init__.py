"""Tests over a hostile network: real sockets, the real store, seeded faults."""
