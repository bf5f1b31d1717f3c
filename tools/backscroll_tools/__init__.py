"""Typed, bounded tools over conversation messages held behind an OpenAI-shaped API.

This package does not depend on MCP or on a transport. `registry.TOOLS` holds one value per tool and
`client.client.Client` talks to the upstream; any agent framework can connect the two.
"""
