"""Simulates the whole product: agents, MCP servers, the network, the store and its database."""
