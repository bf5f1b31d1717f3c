"""Backscroll: an MCP server for conversation messages behind an OpenAI-shaped API."""
