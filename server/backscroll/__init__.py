"""Backscroll: an MCP server whose tools find, read and write stored conversations."""
