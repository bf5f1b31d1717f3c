"""Agents as users: scripted ones do tasks through the tools, and what that cost them is counted."""
