"""Scripted agents that do tasks through the tools, and a count of their calls and tokens."""
