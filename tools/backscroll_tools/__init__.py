"""Typed, bounded tools over conversation messages held behind an OpenAI-shaped API.

This package knows no MCP and no transport: `registry.TOOLS` holds one value per tool,
`client.client.Client` speaks to the upstream, and any agent framework can join the two.
"""
