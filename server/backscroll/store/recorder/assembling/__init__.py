"""Assembles the whole answer from the events of its stream, and rewrites its ids."""
