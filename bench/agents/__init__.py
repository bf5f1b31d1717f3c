"""Agents that others wrote, run without a screen through the recorder, and read back.

`make agents` installs and runs them, and prints what was recorded of each session.
"""
