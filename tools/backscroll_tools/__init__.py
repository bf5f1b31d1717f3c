"""Tools that read and write conversation messages through an OpenAI-compatible API.

This package does not depend on MCP or on a transport, so any agent framework can use it.
`registry.TOOLS` contains the tools, and a `client.client.Client` sends their upstream requests.
"""
